/* Secrets that users write and read. */
#include "access/access.h"
#include "coordinator/change.h"
#include "coordinator/people.h"
#include "coordinator/refusal.h"
#include "secrets/upload.h"

static error *may_read(const struct mesh *mesh, const struct user *user, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		TRY(access_check(mesh->manifest, user, ACTION_READ_SECRET, names[i]));
	return NULL;
}

/* Who reads a secret is on record before anything of it leaves. */
static error *log_reading(struct transaction *txn, int64_t now, const struct user *user,
			  const char *const *names, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < count; i++)
		json_array_append_new(list, json_string(names[i]));
	return audit_append(txn, now, AUDIT_OTHER, "Secrets read",
			    json_pack("{s:s, s:o}", "user", user->name, "secrets", list));
}

static error *read_secrets(struct coordinator *c, bytes certificate, const char *const *names, size_t count,
			   int64_t now, struct mesh **ret)
{
	CLEANUP(change_end) struct change change = { 0 };
	const struct user *user;
	TRY(change_begin(c, &change));
	TRY(state_require(change.mesh->state, REQUEST_SECRETS));
	TRY(access_user(change.mesh->manifest, certificate, &user));
	if (!count)
		return NULL;
	TRY(may_read(change.mesh, user, names, count));
	CLEANUP(mesh_release) struct mesh *mesh = mesh_retain(change.mesh);
	TRY(log_reading(change.txn, now, user, names, count));
	TRY(change_commit(&change));
	*ret = TAKE(mesh);
	return NULL;
}

error *coordinator_read_secrets(struct coordinator *c, bytes user_certificate, const char *const *names,
				size_t count, int64_t now, struct mesh **ret)
{
	return refusal_noted(c, user_certificate, "reading secrets", now,
			     read_secrets(c, user_certificate, names, count, now, ret));
}

static error *write_one(struct change *change, const struct user *user, const char *name, json_t *upload,
			int64_t now)
{
	CLEANUP(secret_value_free) struct secret_value value = { 0 };
	const struct secret_definition *definition = manifest_secret(change->mesh->manifest, name);
	TRY(access_check(change->mesh->manifest, user, ACTION_WRITE_SECRET, name));
	if (!definition)
		return error_new(ERROR_INVALID, "the manifest has no such secret");
	if (!definition->user_defined)
		return error_new(ERROR_INVALID, "the secret is not UserDefined");
	TRY(secret_upload_read(definition, upload, &value));
	TRY(secret_set_store(change->txn, STORED_SECRETS, &value));
	return audit_append(change->txn, now, AUDIT_UPDATE, "Secret set",
			    json_pack("{s:s, s:s, s:s}", "user", user->name, "secret", name, "type",
				      secret_type_name(definition->type)));
}

static error *write_secrets(struct coordinator *c, bytes certificate, json_t *uploads, int64_t now)
{
	CLEANUP(change_end) struct change change = { 0 };
	const struct user *user;
	const char *name;
	json_t *upload;
	TRY(change_begin(c, &change));
	TRY(state_require(change.mesh->state, REQUEST_SECRETS));
	TRY(access_user(change.mesh->manifest, certificate, &user));
	if (!json_is_object(uploads) || !json_object_size(uploads))
		return error_new(ERROR_INVALID, "secrets: an object {name: value} with at least one secret is "
				 "expected");
	json_object_foreach(uploads, name, upload)
		TRY_CTX(write_one(&change, user, name, upload, now), "secret \"%.100s\"", name);
	/* Every template is tried with the new values; what does not fit undoes all. */
	return change_commit_mesh(&change);
}

error *coordinator_write_secrets(struct coordinator *c, bytes user_certificate, json_t *uploads, int64_t now)
{
	return refusal_noted(c, user_certificate, "writing secrets", now,
			     write_secrets(c, user_certificate, uploads, now));
}
