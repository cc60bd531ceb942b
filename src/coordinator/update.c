/* Updates of the manifest: proposed, acknowledged, applied or cancelled. */
#include <stdio.h>

#include "access/access.h"
#include "coordinator/change.h"
#include "coordinator/new_manifest.h"
#include "coordinator/people.h"
#include "coordinator/refusal.h"
#include "coordinator/renewal.h"
#include "manifest/package_update.h"
#include "manifest/parse.h"

/* How often a prepared renewal may be overtaken by another change. */
enum { ATTEMPTS = 4 };

void update_result_free(struct update_result *result)
{
	for (size_t i = 0; i < result->missing_users.count; i++)
		free(result->missing_users.items[i]);
	free(result->missing_users.items);
	named_blobs_free(&result->recovery);
	*result = (struct update_result){ 0 };
}

/* ---- Who must acknowledge ---- */

static bool may_update(const struct manifest *m, const struct user *user)
{
	error *e = access_check(m, user, ACTION_UPDATE_MANIFEST, NULL);
	bool may = !e;
	error_free(e);
	return may;
}

static bool has_acknowledged(const struct mesh *mesh, const char *user)
{
	for (size_t i = 0; i < mesh->pending.user_count; i++)
		if (strcmp(mesh->pending.users[i], user) == 0)
			return true;
	return false;
}

/* Of the snapshot's pending update, as if `also` (NULL: nobody) had acknowledged it, too. */
static error *who_is_missing(const struct mesh *mesh, const char *also, struct update_result *ret)
{
	const struct manifest *m = mesh->manifest;
	CLEANUP(update_result_free) struct update_result missing = { 0 };
	size_t may = 0, done = 0;
	missing.missing_users.items = calloc(m->user_count + 1, sizeof *missing.missing_users.items);
	TRY_ALLOC(missing.missing_users.items);
	for (size_t i = 0; i < m->user_count; i++) {
		const char *name = m->users[i].name;
		if (!may_update(m, &m->users[i]))
			continue;
		may++;
		if (has_acknowledged(mesh, name) || (also && strcmp(also, name) == 0)) {
			done++;
			continue;
		}
		missing.missing_users.items[missing.missing_users.count] = strdup(name);
		TRY_ALLOC(missing.missing_users.items[missing.missing_users.count]);
		missing.missing_users.count++;
	}
	size_t needed = m->config.update_threshold ? (size_t)m->config.update_threshold : may;
	missing.missing_acknowledgments = needed > done ? needed - done : 0;
	*ret = missing;
	missing = (struct update_result){ 0 };
	return NULL;
}

static error *none_waits(void)
{
	return error_new(ERROR_NOT_FOUND, "no update is pending");
}

error *mesh_pending_update(const struct mesh *mesh, struct update_result *ret)
{
	if (!mesh->pending.text.size)
		return none_waits();
	return who_is_missing(mesh, NULL, ret);
}

static json_t *names_json(const struct update_result *result)
{
	json_t *names = json_array();
	for (size_t i = 0; names && i < result->missing_users.count; i++)
		json_array_append_new(names, json_string(result->missing_users.items[i]));
	return names;
}

static error *log_step(struct transaction *txn, int64_t now, const char *what, const char *user,
		       const struct manifest *m, const struct update_result *missing)
{
	CLEANUP_JSON json_t *fields = fingerprint_field(m);
	TRY_ALLOC(fields);
	if (user && json_object_set_new(fields, "user", json_string(user)) != 0)
		return error_no_memory();
	if (missing && (json_object_set_new(fields, "missingAcknowledgments",
					    json_integer((json_int_t)missing->missing_acknowledgments)) != 0 ||
			json_object_set_new(fields, "missingUsers", names_json(missing)) != 0))
		return error_no_memory();
	return audit_append(txn, now, AUDIT_UPDATE, what, TAKE(fields));
}

/* ---- Applying a whole manifest ---- */

static bool same_recovery(const struct manifest *a, const struct manifest *b)
{
	/* A threshold of 0 means all. */
	uint64_t from = a->config.recovery_threshold ? a->config.recovery_threshold : a->recovery_key_count;
	uint64_t to = b->config.recovery_threshold ? b->config.recovery_threshold : b->recovery_key_count;
	if (a->recovery_key_count != b->recovery_key_count || from != to)
		return false;
	for (size_t i = 0; i < a->recovery_key_count; i++)
		if (strcmp(a->recovery_keys[i].name, b->recovery_keys[i].name) != 0 ||
		    strcmp(a->recovery_keys[i].public_key_pem, b->recovery_keys[i].public_key_pem) != 0)
			return false;
	return true;
}

static error *delete_name(void *context, const char *name, bytes value)
{
	(void)value;
	return transaction_delete(context, name);
}

static error *forget_pending(struct transaction *txn)
{
	TRY(transaction_each(txn, STORED_PENDING_USERS, delete_name, txn));
	return transaction_delete(txn, STORED_PENDING_UPDATE);
}

static error *write_manifest(struct change *change, struct renewal *renewal, const struct manifest *m,
			     int64_t now, struct named_blobs *ret_recovery)
{
	struct transaction *txn = change->txn;
	TRY(renewal_write(renewal, change->mesh, txn));
	TRY(transaction_each(txn, STORED_PACKAGE_VERSIONS, delete_name, txn));
	TRY(new_manifest_put(txn, m, renewal->ca.root_key));
	TRY(transaction_delete(txn, STORED_ROLLBACK)); /* the owners have seen it */
	TRY(forget_pending(txn));
	if (same_recovery(change->mesh->manifest, m))
		TRY(state_reseal(txn, m));
	else
		TRY(recovery_secrets_make(txn, m, ret_recovery));
	return log_step(txn, now, "Manifest updated", NULL, m, NULL);
}

/* ---- A request to propose or acknowledge ---- */

struct proposal {
	struct coordinator *coordinator;
	bytes certificate, text;
	int64_t now;
	bool acknowledging;      /* else proposing */
	struct manifest *manifest;
	struct renewal renewal;  /* when this acknowledgment is the last that is needed */
	bool prepared;
	struct update_result result;
};

static void proposal_free(struct proposal *p)
{
	renewal_free(&p->renewal);
	manifest_free(p->manifest);
	update_result_free(&p->result);
}
DEFINE_CLEANUP_IN_PLACE(proposal_free, struct proposal)

/* May this user take this step now? Against any snapshot; asked again in the change itself. */
static error *check_step(const struct proposal *p, const struct mesh *mesh, const struct user **ret_user)
{
	const struct user *user;
	TRY(state_require(mesh->state, REQUEST_UPDATE));
	TRY(access_user(mesh->manifest, p->certificate, &user));
	TRY(access_check(mesh->manifest, user, ACTION_UPDATE_MANIFEST, NULL));
	bytes pending = blob_view(&mesh->pending.text);
	if (!p->acknowledging && pending.size)
		return error_new(ERROR_CONFLICT, "an update is pending already: it must be acknowledged or "
				 "cancelled first");
	if (p->acknowledging && !pending.size)
		return none_waits();
	if (p->acknowledging && !bytes_equal(pending, p->text))
		return error_new(ERROR_INVALID, "the manifest is not the pending one, byte by byte");
	if (p->acknowledging && has_acknowledged(mesh, user->name))
		return error_new(ERROR_CONFLICT, "user \"%s\" has acknowledged the update already", user->name);
	*ret_user = user;
	return NULL;
}

/* Outside of any lock: keys take long. */
static error *prepare(struct proposal *p, const struct mesh *mesh)
{
	const struct user *user;
	struct update_result missing;
	TRY(check_step(p, mesh, &user));
	TRY(who_is_missing(mesh, user->name, &missing));
	bool last = !missing.missing_acknowledgments;
	update_result_free(&missing);
	renewal_free(&p->renewal);
	p->prepared = last;
	if (!last)
		return NULL;
	return renewal_prepare(mesh, p->manifest, p->coordinator->options.names,
			       p->manifest->config.rotate_root_secret, p->now, &p->renewal);
}

static error *put_acknowledgment(struct proposal *p, struct change *change, const char *user)
{
	CLEANUP_FREE char *name = NULL;
	if (asprintf(&name, "%s%s", STORED_PENDING_USERS, user) < 0) {
		name = NULL;
		return error_no_memory();
	}
	TRY(transaction_put(change->txn, STORED_PENDING_UPDATE, p->text));
	return transaction_put(change->txn, name, bytes_of_string("1"));
}

/* One transaction: the acknowledgment, and the update itself when nothing is missing. */
static error *step(struct proposal *p, struct change *change)
{
	const struct user *user;
	TRY(check_step(p, change->mesh, &user));
	TRY(who_is_missing(change->mesh, user->name, &p->result));
	TRY(log_step(change->txn, p->now,
		     p->acknowledging ? "Manifest update acknowledged" : "Manifest update proposed", user->name,
		     p->manifest, &p->result));
	if (p->prepared)
		TRY(write_manifest(change, &p->renewal, p->manifest, p->now, &p->result.recovery));
	else
		TRY(put_acknowledgment(p, change, user->name));
	return change_commit_mesh(change);
}

/* Prepares and takes the step; *ret_again: the mesh changed in between. */
static error *attempt(struct proposal *p, bool *ret_again)
{
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(p->coordinator);
	CLEANUP(change_end) struct change change = { 0 };
	TRY(prepare(p, mesh));
	TRY(change_begin(p->coordinator, &change));
	*ret_again = change.mesh != mesh;
	return *ret_again ? NULL : step(p, &change);
}

static error *run(struct proposal *p, struct update_result *ret)
{
	const struct user *user;
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(p->coordinator);
	TRY(check_step(p, mesh, &user));
	TRY_CTX(new_manifest_read(p->text, &p->manifest), "manifest");
	TRY_CTX(new_manifest_try(mesh, p->text), "manifest");
	bool again = true;
	for (int i = 0; i < ATTEMPTS && again; i++)
		TRY(attempt(p, &again));
	if (again)
		return error_new(ERROR_UNAVAILABLE, "other changes came first; try again");
	*ret = p->result;
	p->result = (struct update_result){ 0 };
	if (!ret->missing_acknowledgments) { /* then nobody is missing any more */
		for (size_t i = 0; i < ret->missing_users.count; i++)
			free(ret->missing_users.items[i]);
		ret->missing_users.count = 0;
	}
	return NULL;
}

/* ---- Package updates ---- */

static error *check_package_update(const struct proposal *p, const struct mesh *mesh, const struct user **ret)
{
	const struct manifest *m = p->manifest;
	const struct user *user;
	TRY(state_require(mesh->state, REQUEST_UPDATE));
	TRY(access_user(mesh->manifest, p->certificate, &user));
	if (mesh->pending.text.size)
		return error_new(ERROR_CONFLICT, "an update is pending already: it must be acknowledged or "
				 "cancelled first");
	for (size_t i = 0; i < m->package_count; i++)
		TRY(access_check(mesh->manifest, user, ACTION_UPDATE_SECURITY_VERSION, m->packages[i].name));
	TRY(package_update_check(mesh->manifest, m));
	*ret = user;
	return NULL;
}

static error *put_version(struct transaction *txn, const struct package *package, const char *user, int64_t now)
{
	CLEANUP(writer_free) struct writer value = { 0 };
	CLEANUP_FREE char *name = NULL;
	if (asprintf(&name, "%s%s", STORED_PACKAGE_VERSIONS, package->name) < 0) {
		name = NULL;
		return error_no_memory();
	}
	write_be64(&value, package->security_version);
	TRY(writer_check(&value, name));
	TRY(transaction_put(txn, name, writer_view(&value)));
	return audit_append(txn, now, AUDIT_UPDATE, "SecurityVersion increased",
			    json_pack("{s:s, s:s, s:I}", "user", user, "package", package->name,
				      "new version", (json_int_t)package->security_version));
}

static error *attempt_packages(struct proposal *p, bool *ret_again)
{
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(p->coordinator);
	CLEANUP(change_end) struct change change = { 0 };
	CLEANUP(renewal_free) struct renewal renewal = { 0 };
	const struct user *user = NULL;
	TRY(check_package_update(p, mesh, &user));
	TRY(renewal_prepare(mesh, mesh->manifest, p->coordinator->options.names, false, p->now, &renewal));
	TRY(change_begin(p->coordinator, &change));
	*ret_again = change.mesh != mesh;
	if (*ret_again)
		return NULL;
	TRY(renewal_write(&renewal, mesh, change.txn));
	for (size_t i = 0; i < p->manifest->package_count; i++)
		TRY(put_version(change.txn, &p->manifest->packages[i], user->name, p->now));
	return change_commit_mesh(&change);
}

static error *run_packages(struct proposal *p)
{
	bool again = true;
	for (int i = 0; i < ATTEMPTS && again; i++)
		TRY(attempt_packages(p, &again));
	return again ? error_new(ERROR_UNAVAILABLE, "other changes came first; try again") : NULL;
}

/* ---- Entry points ---- */

/* Who is it? Before anything of the body is looked at. */
static error *identify(const struct proposal *p)
{
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(p->coordinator);
	const struct user *user;
	TRY(state_require(mesh->state, REQUEST_UPDATE));
	return access_user(mesh->manifest, p->certificate, &user);
}

static error *update(struct proposal *p, struct update_result *ret)
{
	TRY(identify(p));
	TRY_CTX(manifest_parse(p->text, &p->manifest), "manifest");
	if (manifest_is_package_update(p->manifest))
		return run_packages(p);
	manifest_free(TAKE(p->manifest));
	return run(p, ret);
}

error *coordinator_update(struct coordinator *c, bytes user_certificate, bytes text, int64_t now,
			  struct update_result *ret)
{
	CLEANUP(proposal_free) struct proposal p = { .coordinator = c, .certificate = user_certificate,
						     .text = text, .now = now };
	*ret = (struct update_result){ 0 };
	return refusal_noted(c, user_certificate, "manifest update", now, update(&p, ret));
}

error *coordinator_acknowledge_update(struct coordinator *c, bytes user_certificate, bytes text,
				      int64_t now, struct update_result *ret)
{
	CLEANUP(proposal_free) struct proposal p = { .coordinator = c, .certificate = user_certificate,
						     .text = text, .now = now, .acknowledging = true };
	*ret = (struct update_result){ 0 };
	return refusal_noted(c, user_certificate, "acknowledging an update", now, run(&p, ret));
}

static error *cancel(struct coordinator *c, bytes certificate, int64_t now)
{
	CLEANUP(change_end) struct change change = { 0 };
	CLEANUP(manifest_free) struct manifest *pending = NULL;
	const struct user *user;
	TRY(change_begin(c, &change));
	TRY(state_require(change.mesh->state, REQUEST_UPDATE));
	TRY(access_user(change.mesh->manifest, certificate, &user));
	TRY(access_check(change.mesh->manifest, user, ACTION_UPDATE_MANIFEST, NULL));
	if (!change.mesh->pending.text.size)
		return none_waits();
	TRY(manifest_parse(blob_view(&change.mesh->pending.text), &pending));
	TRY(log_step(change.txn, now, "Manifest update cancelled", user->name, pending, NULL));
	TRY(forget_pending(change.txn));
	return change_commit_mesh(&change);
}

error *coordinator_cancel_update(struct coordinator *c, bytes user_certificate, int64_t now)
{
	return refusal_noted(c, user_certificate, "cancelling an update", now,
			     cancel(c, user_certificate, now));
}
