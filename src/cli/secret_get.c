#include <curl/curl.h>
#include <stdio.h>

#include "base/file.h"
#include "cli/coordinator.h"
#include "cli/output.h"

static const char endpoint[] = "/api/v2/secrets";

static error *query(const struct invocation *call, char **ret)
{
	CLEANUP(writer_free) struct writer path = { 0 };
	write_string(&path, endpoint);
	for (size_t i = 0; i + 1 < call->count; i++) {
		char *name = curl_easy_escape(NULL, call->arguments[i], 0);
		TRY_ALLOC(name);
		write_format(&path, "%ss=%s", i ? "&" : "?", name);
		curl_free(name);
	}
	*ret = writer_take_string(&path);
	TRY_ALLOC(*ret);
	return NULL;
}

/* Everything that was asked for has to be there. */
static error *check_complete(const struct invocation *call, json_t *secrets)
{
	for (size_t i = 0; i + 1 < call->count; i++)
		if (!json_is_object(json_object_get(secrets, call->arguments[i])))
			return error_new(ERROR_INVALID, "%s: the answer does not have the secret \"%s\"",
					 endpoint, call->arguments[i]);
	return NULL;
}

static void print_member(json_t *secret, const char *member, const char *label)
{
	json_t *value = json_member(secret, member);
	bool number = json_is_integer(value) && json_integer_value(value) != 0;
	if (json_is_string(value) && json_string_length(value))
		printf("  %-14s %s\n", label, json_string_value(value));
	if (number)
		printf("  %-14s %lld\n", label, (long long)json_integer_value(value));
	if (json_is_boolean(value))
		printf("  %-14s %s\n", label, json_is_true(value) ? "true" : "false");
}

static bool has_value(json_t *secret)
{
	static const char *const members[] = { "Cert", "Public", "Private" };
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_string_length(json_member(secret, members[i])))
			return true;
	return false;
}

static void print_secret(const char *name, json_t *secret)
{
	const char *type = json_string_value(json_member(secret, "Type"));
	bool certificate = type && strncmp(type, "cert-", 5) == 0;
	bool plain = type && strcmp(type, "plain") == 0;
	printf("%s:\n", name);
	print_member(secret, "Type", "Type:");
	print_member(secret, "UserDefined", "UserDefined:");
	print_member(secret, "Size", "Size:");
	print_member(secret, "ValidFor", "Valid For:");
	print_member(secret, "Cert", "Certificate:");
	print_member(secret, "Public", certificate ? "Public Key:" : plain ? "Data:" : "Key:");
	if (certificate)
		print_member(secret, "Private", "Private Key:");
	if (!has_value(secret))
		printf("  not set yet\n");
}

static error *save(const char *path, json_t *secrets)
{
	CLEANUP(blob_wipe) struct blob text = { 0 };
	TRY(json_print(secrets, JSON_COMPACT, &text));
	TRY(file_replace(path, blob_view(&text), 0600));
	say_note("Secrets saved to %s", path);
	return NULL;
}

static error *deliver(const struct invocation *call, json_t *secrets)
{
	const char *path = call->flags.values[FLAG_OUTPUT_FILE];
	if (path && *path && strcmp(path, "-") != 0)
		return save(path, secrets);
	if (path)
		return print_json(secrets);
	for (size_t i = 0; i + 1 < call->count; i++)
		print_secret(call->arguments[i], json_object_get(secrets, call->arguments[i]));
	return NULL;
}

static error *run(const struct invocation *call)
{
	CLEANUP(identity_close) struct identity who = { 0 };
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	TRY(query(call, &path));
	TRY(identity_open(&call->flags, &who));
	TRY(coordinator_open(call, call->arguments[call->count - 1], &c));
	TRY(coordinator_authenticate(&c, &who));
	TRY(coordinator_request(&c, path, NULL, &answer));
	json_t *secrets = json_member(answer, "secrets");
	TRY(check_complete(call, secrets));
	return deliver(call, secrets);
}

const struct command secret_get_command = {
	.name = "secret get",
	.arguments = "NAME... ADDRESS",
	.least = 2,
	.most = 256,
	.summary = "Print secrets",
	.text = "The user's roles in the manifest say which. Values are in base64; a certificate, its\n"
		"public and its private key as DER. With --output they are written as JSON, for their\n"
		"owner only.\n",
	.examples = "  marblerun secret get key token mesh.example:4433 --cert alice.crt --key alice.key\n",
	.own = { IDENTITY_FLAGS, FLAG_OUTPUT_FILE },
	.check = identity_check,
	.run = run,
};
