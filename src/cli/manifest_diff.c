/* What an update means: between files, against a coordinator's manifest, or its pending update. */
#include <sys/stat.h>

#include "cli/identity.h"
#include "cli/manifest_file.h"
#include "cli/output.h"
#include "marblerun/manifest.h"

static const char endpoint[] = "/api/v2/manifest-diff";

static bool has_identity(const struct flag_values *flags)
{
	static const enum flag own[] = { IDENTITY_FLAGS };
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (flag_given(flags, own[i]))
			return true;
	return false;
}

static error *check(const struct flag_values *flags)
{
	return has_identity(flags) ? identity_check(flags) : NULL;
}

/* ---- Where it comes from ---- */

static struct marblerun_bytes public_bytes(const struct blob *b)
{
	return (struct marblerun_bytes){ b->data, b->size };
}

static error *compare(const struct blob *old, const struct blob *new, json_t **ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP_FREE char *text = NULL;
	if (marblerun_manifest_diff(public_bytes(old), public_bytes(new), &text, reason) != 0)
		return error_new(ERROR_INVALID, "%s", reason);
	return json_parse(bytes_of_string(text), "differences", ret);
}

static error *of_files(const struct invocation *call, json_t **ret)
{
	CLEANUP(blob_free) struct blob new = { 0 }, old = { 0 };
	TRY(manifest_read(call->arguments[0], &new));
	TRY(manifest_read(call->arguments[1], &old));
	return compare(&old, &new, ret);
}

/* Only users are told what runs; the rest is worked out here, from the manifest that the root signed. */
static error *of_served(const struct invocation *call, struct coordinator *c, json_t **ret)
{
	CLEANUP(blob_free) struct blob new = { 0 };
	struct served_manifest served = { 0 };
	bool changed;
	TRY(manifest_read(call->arguments[0], &new));
	TRY(manifest_fetch(c, &served));
	CLEANUP(blob_free) struct blob old = blob_take(&served.text);
	TRY(manifest_merge_updates(c, &old, &changed));
	TRY(compare(&old, &new, ret));
	return json_object_set_new(*ret, "fromFingerprint",
				   json_string(hex_of(BYTES_OF_ARRAY(served.fingerprint)).text)) == 0 ?
		       NULL : error_no_memory();
}

static error *ask(const struct invocation *call, struct coordinator *c, json_t **ret)
{
	CLEANUP(identity_close) struct identity who = { 0 };
	CLEANUP(blob_free) struct blob new = { 0 };
	TRY(identity_open(&call->flags, &who));
	TRY(coordinator_authenticate(c, &who));
	if (call->count == 1)
		return coordinator_request(c, endpoint, NULL, ret);
	TRY(manifest_read(call->arguments[0], &new));
	return manifest_upload(c, endpoint, &new, ret);
}

static error *of_coordinator(const struct invocation *call, json_t **ret)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	TRY(coordinator_open(call, call->arguments[call->count - 1], &c));
	return has_identity(&call->flags) ? ask(call, &c, ret) : of_served(call, &c, ret);
}

/* ---- As people read it ---- */

static const char *text_of(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static void print_entry(json_t *entry)
{
	const char *name = text_of(entry, "name"), *kind = text_of(entry, "kind");
	bool weakens = strcmp(text_of(entry, "severity"), "weakens") == 0;
	char mark = strcmp(kind, "added") == 0 ? '+' : strcmp(kind, "removed") == 0 ? '-' : '~';
	CLEANUP_FREE char *line = NULL;
	if (asprintf(&line, "%s%s%s", name, *name ? ": " : "", text_of(entry, "text")) < 0)
		line = NULL;
	printf("  %c ", mark);
	if (weakens)
		print_coloured(stdout, COLOUR_RED, "WEAKENS ");
	/* No entry looks like two. */
	for (char *c = line; c && (c = strchr(c, '\n'));)
		*c = '?';
	print_line(stdout, line ? line : "?");
}

static void print_entries(json_t *entries)
{
	const char *section = "";
	json_t *entry;
	size_t i;
	json_array_foreach(entries, i, entry) {
		if (strcmp(section, text_of(entry, "section")) != 0) {
			section = text_of(entry, "section");
			print_line(stdout, section);
		}
		print_entry(entry);
	}
}

static error *write_names(json_t *names, char **ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	json_t *name;
	size_t i;
	json_array_foreach(names, i, name)
		write_format(&w, "%s%s", i ? ", " : "", json_string_value(name) ? json_string_value(name) : "?");
	*ret = writer_take_string(&w);
	TRY_ALLOC(*ret);
	return NULL;
}

static error *print_decision(json_t *found)
{
	CLEANUP_FREE char *users = NULL;
	CLEANUP_FREE char *kept = NULL;
	bool packages = strcmp(text_of(found, "update"), "packages") == 0;
	json_t *who = json_object_get(found, "users");
	TRY(write_names(who, &users));
	TRY(write_names(json_object_get(found, "keptSecrets"), &kept));
	if (*kept)
		print_field("Kept secrets", "%s", kept);
	if (!json_array_size(who))
		print_field("Decision", "nobody may apply this update");
	else if (packages)
		print_field("Decision", "an update of packages; any of these users may apply it: %s", users);
	else
		print_field("Decision", "%lld acknowledgment(s) of: %s",
			    (long long)json_integer_value(json_object_get(found, "neededAcknowledgments")), users);
	return NULL;
}

static error *print_text(json_t *found)
{
	if (strcmp(text_of(found, "update"), "none") == 0) {
		print_line(stdout, "The manifests say the same.");
		return NULL;
	}
	print_entries(json_object_get(found, "entries"));
	putchar('\n');
	TRY(print_decision(found));
	if (!json_is_true(json_object_get(found, "runningKnown")))
		say_note("Running marbles were not looked at: the coordinator tells its users (--cert) about them.");
	return NULL;
}

static error *run(const struct invocation *call)
{
	CLEANUP_JSON json_t *found = NULL;
	struct stat is;
	bool files = call->count == 2 && stat(call->arguments[1], &is) == 0;
	TRY(files ? of_files(call, &found) : of_coordinator(call, &found));
	if (!json_is_object(found))
		return error_new(ERROR_INVALID, "%s: the answer is no object", endpoint);
	return flags_want_json(&call->flags) ? print_json(found) : print_text(found);
}

const struct command manifest_diff_command = {
	.name = "manifest diff",
	.arguments = "[NEW] ADDRESS|OLD",
	.least = 1,
	.most = 2,
	.summary = "Say what an update of the manifest means, without making it",
	.text = "Compares the manifest NEW, or an update of packages, with the file OLD or with the\n"
		"coordinator's present manifest: what changes, who gains or loses access to which\n"
		"secret, which secrets and certificates are made new, and who must acknowledge it.\n"
		"WEAKENS marks protections that are loosened. As a user (--cert), also which running\n"
		"marbles would no more be admitted; without NEW, what the pending update means.\n",
	.examples = "  marblerun manifest diff new.json old.json\n"
		    "  marblerun manifest diff new.json mesh.example:4433 --cert alice.crt --key alice.key\n"
		    "  marblerun manifest diff mesh.example:4433 --cert alice.crt --key alice.key\n",
	.own = { IDENTITY_FLAGS, FLAG_OUTPUT_FORMAT },
	.check = check,
	.run = run,
};
