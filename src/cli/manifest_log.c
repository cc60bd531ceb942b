#include "cli/audit_log.h"
#include "cli/output.h"
#include "cli/seen_state.h"
#include "net/tls_chain.h"

static const char endpoint[] = "/api/v2/update";

static error *lines(json_t *log, struct blob *ret)
{
	CLEANUP(writer_free) struct writer text = { 0 };
	json_t *entry;
	size_t i;
	if (!json_is_array(log))
		return error_new(ERROR_INVALID, "%s: the answer has no array \"updateLog\"", endpoint);
	json_array_foreach(log, i, entry) {
		if (!json_is_string(entry))
			return error_new(ERROR_INVALID, "%s: entry %zu of the log is no string", endpoint, i);
		write_bytes(&text, json_bytes(entry));
		write_string(&text, "\n");
	}
	return blob_of_writer(&text, endpoint, ret);
}

static error *deliver_lines(const struct invocation *call, json_t *log)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	TRY(lines(log, &text));
	return deliver_bytes(call->flags.values[FLAG_OUTPUT_FILE], blob_view(&text), 0644);
}

static error *write_value(struct writer *w, const json_t *value)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	if (json_is_string(value)) {
		write_bytes(w, json_bytes(value));
		return NULL;
	}
	TRY(json_print(value, JSON_COMPACT, &text));
	write_bytes(w, blob_view(&text));
	return NULL;
}

/* "     7  2026-01-31T12:00:00.000Z  Secrets read  user=alice secrets=["token"]" */
static error *print_entry(size_t number, json_t *line)
{
	CLEANUP_JSON json_t *entry = NULL;
	CLEANUP(writer_free) struct writer w = { 0 };
	const char *name, *time, *what;
	json_t *value;
	TRY_CTX(json_parse(json_bytes(line), "entry", &entry), "entry %zu of the log", number);
	time = json_string_value(json_object_get(entry, "time"));
	what = json_string_value(json_object_get(entry, "update"));
	what = what ? what : json_string_value(json_object_get(entry, "audit"));
	write_format(&w, "%6zu  %-24s  %s", number, time ? time : "", what ? what : "");
	json_object_foreach(entry, name, value) {
		if (strcmp(name, "time") == 0 || strcmp(name, "update") == 0 || strcmp(name, "audit") == 0)
			continue;
		write_format(&w, "  %s=", name);
		TRY(write_value(&w, value));
	}
	CLEANUP_FREE char *text = writer_take_string(&w);
	TRY_ALLOC(text);
	/* No entry looks like two. */
	for (char *c = text; (c = strchr(c, '\n'));)
		*c = '?';
	print_line(stdout, text);
	return NULL;
}

static error *print_table(json_t *entries)
{
	json_t *entry;
	size_t i;
	json_array_foreach(entries, i, entry)
		TRY(print_entry(i + 1, entry));
	return NULL;
}

static void say_verified(const struct audit_log *log, const struct audit_seen *seen)
{
	unsigned long long count = log->head.count, before = 0;
	for (size_t i = 0; i < seen->count; i++)
		before = seen->heads[i].count > before ? seen->heads[i].count : before;
	say_note("The log is whole and signed by the root key: %llu entries, of which %llu were seen before.",
		 count, before < count ? before : count);
}

/* The log is signed by the root key; that it is still the one that was shown before, only memory tells. */
static error *verify(const struct invocation *call, struct coordinator *c)
{
	CLEANUP(audit_log_free) struct audit_log log = { 0 };
	CLEANUP(blob_free) struct blob root = { 0 };
	struct audit_seen seen = { 0 };
	bool as_seen, remembers = c->trust != TRUST_INSECURE;
	TRY(tls_certificate_der(c->chain.root, &root));
	if (remembers)
		TRY(seen_log_load(&call->flags, blob_view(&root), &seen));
	TRY(audit_log_fetch(c, &seen, &log, &as_seen));
	if (remembers)
		TRY(seen_log_keep(&call->flags, blob_view(&root), &log.head, as_seen));
	if (flag_given(&call->flags, FLAG_OUTPUT_FILE))
		TRY(deliver_lines(call, log.entries));
	else
		TRY(print_table(log.entries));
	if (as_seen)
		say_verified(&log, &seen);
	return NULL;
}

static error *run(const struct invocation *call)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *answer = NULL;
	TRY(coordinator_open(call, call->arguments[0], &c));
	if (flag_given(&call->flags, FLAG_VERIFY))
		return verify(call, &c);
	TRY(coordinator_request(&c, endpoint, NULL, &answer));
	return deliver_lines(call, json_member(answer, "updateLog"));
}

const struct command manifest_log_command = {
	.name = "manifest log",
	.arguments = "ADDRESS",
	.least = 1,
	.most = 1,
	.summary = "Print what changed since the manifest was set",
	.text = "One JSON object per line, the oldest first, with its time. With --verify, also who\n"
		"read and set secrets and who was refused: the entries' chain of digests is recomputed,\n"
		"the root key's signature on it checked, and that the log still begins as it did when\n"
		"it was seen before; then it is shown as a table, or written to --output as JSON.\n",
	.examples = "  marblerun manifest log mesh.example:4433\n"
		    "  marblerun manifest log mesh.example:4433 --verify\n",
	.own = { FLAG_OUTPUT_FILE, FLAG_VERIFY },
	.run = run,
};
