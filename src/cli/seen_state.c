#include "cli/seen_state.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/file.h"
#include "cli/audit_log.h"
#include "cli/chain_cache.h"
#include "cli/output.h"
#include "codec/hex.h"
#include "marblerun/coordinator.h"

enum { SEEN_SIZE_MAX = 1 << 20 };

/* Beside the kept certificate chain. */
static error *seen_path(const struct flag_values *flags, char **ret)
{
	CLEANUP_FREE char *chain = NULL;
	char *path = NULL;
	TRY(chain_cache_path(flags, &chain));
	if (asprintf(&path, "%s.states", chain) < 0)
		return error_no_memory();
	*ret = path;
	return NULL;
}

static error *load(const char *path, json_t **ret)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	CLEANUP_JSON json_t *all = NULL;
	error *e = file_read(path, SEEN_SIZE_MAX, &text);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		*ret = json_object();
		return *ret ? NULL : error_no_memory();
	}
	TRY(e);
	TRY(json_parse(blob_view(&text), path, &all));
	if (!json_is_object(all))
		return error_new(ERROR_INVALID, "%s: an object is expected", path);
	*ret = TAKE(all);
	return NULL;
}

static error *rolled_back(const struct flag_values *flags, const char *what, json_int_t seen, json_int_t now)
{
	if (flag_given(flags, FLAG_ACCEPT_ROLLBACK)) {
		say_warning("the coordinator's state was rolled back: %s %lld was seen before, it is now at %lld",
			    what, (long long)seen, (long long)now);
		return NULL;
	}
	return error_new(ERROR_DENIED, "the coordinator's state was rolled back: %s %lld was seen before, it is now "
			 "at %lld%s; --accept-rollback goes on with it", what, (long long)seen, (long long)now,
			 seen == now ? " of another history" : "");
}

static json_int_t number_of(const json_t *seen, const char *name)
{
	return json_integer_value(json_object_get(seen, name));
}

static error *compare(const struct flag_values *flags, const json_t *seen, const struct marblerun_state *now)
{
	json_int_t epoch = (json_int_t)now->epoch, entries = (json_int_t)now->log_entries;
	const char *digest = json_string_value(json_object_get(seen, "digest"));
	const char *log = json_string_value(json_object_get(seen, "logDigest"));
	if (!seen)
		return NULL;
	if (epoch < number_of(seen, "epoch"))
		return rolled_back(flags, "epoch", number_of(seen, "epoch"), epoch);
	if (epoch == number_of(seen, "epoch") && digest &&
	    strcmp(digest, hex_of(BYTES_OF_ARRAY(now->digest)).text) != 0)
		return rolled_back(flags, "epoch", epoch, epoch);
	if (entries < number_of(seen, "logEntries"))
		return rolled_back(flags, "log entry", number_of(seen, "logEntries"), entries);
	if (entries == number_of(seen, "logEntries") && log &&
	    strcmp(log, hex_of(BYTES_OF_ARRAY(now->log_digest)).text) != 0)
		return rolled_back(flags, "log entry", entries, entries);
	return NULL;
}

/* Members replace those of the same name. Takes them over. */
static error *keep(const char *path, json_t *all, const char *name, json_t *members)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	CLEANUP_JSON json_t *owned = members;
	json_t *entry = json_object_get(all, name);
	if (!owned || (entry ? json_object_update(entry, owned) : json_object_set(all, name, owned)) != 0)
		return error_no_memory();
	TRY(json_print(all, JSON_INDENT(2), &text));
	TRY_CTX(chain_cache_make_folders(path), "keeping the coordinator's newest state");
	return file_replace(path, blob_view(&text), 0600);
}

static json_t *members_of(const struct marblerun_state *now)
{
	return json_pack("{s:I, s:s, s:I, s:s}", "epoch", (json_int_t)now->epoch, "digest",
			 hex_of(BYTES_OF_ARRAY(now->digest)).text, "logEntries",
			 (json_int_t)now->log_entries, "logDigest",
			 hex_of(BYTES_OF_ARRAY(now->log_digest)).text);
}

/* How the file names a deployment. */
static error *name_of(bytes root, struct hex_text *ret)
{
	uint8_t digest[32];
	if (EVP_Digest(root.data, root.size, digest, NULL, EVP_sha256(), NULL) != 1)
		return error_new(ERROR_INTERNAL, "hashing the root certificate");
	*ret = hex_of(BYTES_OF_ARRAY(digest));
	return NULL;
}

error *seen_state_check(const struct flag_values *flags, bytes root, bytes state)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_JSON json_t *all = NULL;
	struct marblerun_state now;
	struct hex_text name;
	if (!state.size)
		return NULL;
	if (marblerun_state_parse((struct marblerun_bytes){ state.data, state.size }, &now) != 0)
		return error_new(ERROR_INVALID, "the state that the coordinator sent is none");
	TRY(name_of(root, &name));
	TRY(seen_path(flags, &path));
	TRY(load(path, &all));
	TRY(compare(flags, json_object_get(all, name.text), &now));
	return keep(path, all, name.text, members_of(&now));
}

static error *add_head(const json_t *seen, const char *count, const char *digest, const char *what,
		       struct audit_seen *to)
{
	json_t *text = json_object_get(seen, digest);
	struct audit_head head = { (uint64_t)number_of(seen, count), { 0 } };
	if (!json_is_string(text))
		return NULL;
	TRY(hex_decode_into(json_bytes(text), what, head.digest, sizeof head.digest));
	to->heads[to->count++] = head;
	return NULL;
}

error *seen_log_load(const struct flag_values *flags, bytes root, struct audit_seen *ret)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_JSON json_t *all = NULL;
	struct audit_seen seen = { 0 };
	struct hex_text name;
	TRY(name_of(root, &name));
	TRY(seen_path(flags, &path));
	TRY(load(path, &all));
	json_t *entry = json_object_get(all, name.text);
	TRY(add_head(entry, "logEntries", "logDigest", path, &seen));
	TRY(add_head(entry, "checkedEntries", "checkedDigest", path, &seen));
	*ret = seen;
	return NULL;
}

error *seen_log_keep(const struct flag_values *flags, bytes root, const struct audit_head *now, bool as_seen)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_JSON json_t *all = NULL;
	struct hex_text name;
	TRY(name_of(root, &name));
	TRY(seen_path(flags, &path));
	TRY(load(path, &all));
	const json_t *seen = json_object_get(all, name.text);
	json_int_t count = (json_int_t)now->count, before = number_of(seen, "checkedEntries");
	before = number_of(seen, "logEntries") > before ? number_of(seen, "logEntries") : before;
	if (!as_seen)
		TRY(rolled_back(flags, "log entry", before, count < before ? count : before));
	const struct hex_text digest = hex_of(BYTES_OF_ARRAY(now->digest));
	return keep(path, all, name.text,
		    json_pack("{s:I, s:s, s:I, s:s}", "logEntries", count, "logDigest", digest.text,
			      "checkedEntries", count, "checkedDigest", digest.text));
}
