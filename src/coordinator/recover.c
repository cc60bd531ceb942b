/* Recovery: those who hold the parts of the state's key bring it back.
 *
 * The sealed files come from the host, who may have made them up, with a key of his choice: their encryption
 * proves nothing. What the state is taken for is its manifest: relying parties compare it. So the parts must be
 * signed by recovery keys, and these must be the ones of the very manifest that the state turns out to hold:
 * nobody but their owners brings back a state under that manifest. */
#include "coordinator/change.h"
#include "coordinator/guard.h"
#include "coordinator/new_manifest.h"
#include "coordinator/people.h"

enum { LEGACY_SHARE_SIZE = 16 };

static error *require(const struct coordinator *c)
{
	TRY(state_require(c->mesh->state, REQUEST_RECOVER));
	if (!c->recovery)
		return error_new(ERROR_WRONG_STATE, "%s", mesh_status_text(c->mesh));
	return NULL;
}

static error *take_part(struct recovery *r, bytes recovery_secret, bytes signature, size_t *ret_remaining)
{
	CLEANUP(secret_free) struct secret plain = { 0 };
	size_t size = recovery_secret.size;
	if (size == SHARE_SIZE || size == THRESHOLD_SHARE_SIZE || size == LEGACY_SHARE_SIZE)
		return recovery_add(r, recovery_secret, signature, ret_remaining);
	TRY(recovery_decrypt(r, recovery_secret, &plain));
	return recovery_add(r, secret_view(&plain), signature, ret_remaining);
}

/* The state is open, but not yet believed. */
static error *adopt(struct coordinator *c, int64_t now)
{
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	CLEANUP(mesh_release) struct mesh *mesh = NULL;
	CLEANUP(blob_free) struct blob evidence = { 0 };
	struct audit_head head;
	TRY(store_begin(c->options.store, &txn));
	TRY(mesh_load(txn, &mesh));
	if (!mesh->manifest)
		return error_new(ERROR_DENIED, "the state holds no manifest");
	TRY(recovery_confirm(c->recovery, mesh->manifest));
	TRY(audit_append(txn, now, AUDIT_UPDATE, "State recovered", fingerprint_field(mesh->manifest)));
	TRY(coordinator_begin_incarnation(c, txn));
	TRY(guard_begin(c, txn)); /* the owners know that it is this state that goes on */
	TRY(state_reseal(txn, mesh->manifest));
	TRY(audit_head_read(txn, &head));
	TRY(coordinator_issue_first(c, mesh, &evidence));
	TRY(transaction_commit(&txn));
	pthread_mutex_lock(&c->lock);
	c->audit = head;
	pthread_mutex_unlock(&c->lock);
	coordinator_publish_root(c, TAKE(mesh), &evidence);
	return NULL;
}

static error *open_state(struct coordinator *c, int64_t now)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	TRY(recovery_key(c->recovery, &key));
	TRY(store_unlock(c->options.store, secret_view(&key)));
	error *e = adopt(c, now);
	if (e)
		store_lock(c->options.store, "an attempt to recover it failed");
	return e;
}

static error *recover(struct coordinator *c, bytes recovery_secret, bytes signature, int64_t now,
		      size_t *ret_remaining)
{
	size_t remaining;
	TRY(require(c));
	TRY(take_part(c->recovery, recovery_secret, signature, &remaining));
	if (!remaining) {
		error *e = open_state(c, now);
		if (e) {
			recovery_forget(c->recovery);
			return error_wrap(e, "the recovery secrets are complete, but do not bring the state back");
		}
		recovery_free(TAKE(c->recovery));
	}
	*ret_remaining = remaining;
	return NULL;
}

error *coordinator_recover(struct coordinator *c, bytes recovery_secret, bytes signature, int64_t now,
			   size_t *ret_remaining)
{
	pthread_mutex_lock(&c->changing);
	error *e = recover(c, recovery_secret, signature, now, ret_remaining);
	pthread_mutex_unlock(&c->changing);
	return e;
}

error *coordinator_recovery_key(struct coordinator *c, struct blob *ret)
{
	pthread_mutex_lock(&c->changing);
	error *e = require(c);
	if (!e)
		e = recovery_ephemeral_key(c->recovery, ret);
	pthread_mutex_unlock(&c->changing);
	return e;
}
