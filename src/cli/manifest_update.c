#include "cli/manifest_update.h"

#include "cli/manifest_file.h"
#include "cli/output.h"
#include "cli/recovery_data.h"

error *manifest_update_users(json_t *users, const char *what, char **ret)
{
	CLEANUP(writer_free) struct writer text = { 0 };
	json_t *name;
	size_t i;
	if (users && !json_is_null(users) && !json_is_array(users))
		return error_new(ERROR_INVALID, "%s: \"missingUsers\" is no array", what);
	json_array_foreach(users, i, name) {
		if (!json_is_string(name))
			return error_new(ERROR_INVALID, "%s: a user's name is no string", what);
		write_format(&text, "%s%s", i ? ", " : "", json_string_value(name));
	}
	TRY(writer_check(&text, what));
	*ret = writer_take_string(&text);
	TRY_ALLOC(*ret);
	return NULL;
}

static error *say_outcome(json_t *answer, const char *endpoint, const struct update_words *words)
{
	CLEANUP_FREE char *users = NULL;
	json_t *missing = json_member(answer, "missingAcknowledgments");
	json_int_t count = json_is_integer(missing) ? json_integer_value(missing) : 0;
	TRY(manifest_update_users(json_member(answer, "missingUsers"), endpoint, &users));
	if (count <= 0) {
		say_note("%s", words->done);
		return NULL;
	}
	say_note("%s %lld acknowledgement%s missing; who may give %s: %s", words->pending, (long long)count,
		 count == 1 ? " is" : "s are", count == 1 ? "it" : "them", users);
	return NULL;
}

error *manifest_update_send(const struct invocation *call, const char *endpoint,
			    const struct update_words *words)
{
	CLEANUP(blob_free) struct blob manifest = { 0 };
	CLEANUP(identity_close) struct identity who = { 0 };
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	CLEANUP_JSON json_t *answer = NULL;
	TRY(manifest_read(call->arguments[0], &manifest));
	TRY(identity_open(&call->flags, &who));
	TRY(coordinator_open(call, call->arguments[1], &c));
	TRY(coordinator_authenticate(&c, &who));
	TRY(manifest_upload(&c, endpoint, &manifest, &answer));
	/* First what would be lost. */
	error *e = recovery_data_deliver(call, answer, words->failed);
	error *said = say_outcome(answer, endpoint, words);
	if (!e)
		return said;
	error_free(said);
	return e;
}
