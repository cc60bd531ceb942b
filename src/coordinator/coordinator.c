#include "coordinator/coordinator_internal.h"

#include <openssl/sha.h>

#include "coordinator/guard.h"
#include "marblerun/coordinator.h"

struct mesh *coordinator_mesh(struct coordinator *c)
{
	pthread_mutex_lock(&c->lock);
	struct mesh *mesh = mesh_retain(c->mesh);
	pthread_mutex_unlock(&c->lock);
	return mesh;
}

static void publish(struct coordinator *c, struct mesh *mesh, struct blob *first_evidence)
{
	struct blob no_longer = { 0 };
	pthread_mutex_lock(&c->lock);
	struct mesh *old = c->mesh;
	c->mesh = mesh;
	if (first_evidence) {
		no_longer = c->first_evidence;
		c->first_evidence = blob_take(first_evidence);
		blob_free(&c->mark);
	}
	pthread_mutex_unlock(&c->lock);
	blob_free(&no_longer);
	mesh_release(old);
	if (c->options.identity_changed)
		c->options.identity_changed(c->options.identity_context, mesh);
}

void coordinator_publish(struct coordinator *c, struct mesh *mesh)
{
	publish(c, mesh, NULL);
}

void coordinator_publish_root(struct coordinator *c, struct mesh *mesh, struct blob *first_evidence)
{
	publish(c, mesh, first_evidence);
}

/* A deployment begins: its root, and the secret that its marbles' keys are derived from. */
static error *begin_state(const struct coordinator *c, struct transaction *txn, int64_t now)
{
	CLEANUP(ca_free) struct ca ca = { 0 };
	TRY_CTX(ca_create(c->options.names, KEY_P256, now, &ca), "creating the root certificate");
	TRY(mesh_begin(txn, &ca));
	return mesh_store_state(txn, STATE_ACCEPTING_MANIFEST);
}

error *coordinator_begin_incarnation(struct coordinator *c, struct transaction *txn)
{
	CLEANUP(history_free) struct history history = { 0 };
	struct store_head head;
	store_head(c->options.store, &head);
	TRY(history_load(txn, &history));
	TRY(history_extend(txn, head.epoch + 1, &history));
	pthread_mutex_lock(&c->lock);
	struct history old = c->history;
	c->history = history;
	pthread_mutex_unlock(&c->lock);
	history = old;
	return NULL;
}

static error *open_state(struct coordinator *c, int64_t now, struct mesh **ret)
{
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	CLEANUP(mesh_release) struct mesh *mesh = NULL;
	bytes stored;
	TRY(store_begin(c->options.store, &txn));
	error *e = transaction_get(txn, STORED_STATE, &stored);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		e = begin_state(c, txn, now);
	}
	TRY(e);
	TRY(mesh_load(txn, &mesh));
	TRY(audit_head_read(txn, &c->audit));
	TRY(guard_check(c, txn));
	TRY(coordinator_begin_incarnation(c, txn));
	TRY(transaction_commit(&txn));
	*ret = TAKE(mesh);
	return NULL;
}

/* A state that does not open: a root of this hour serves those who recover it, or who set a new manifest. */
static error *wait_for_recovery(struct coordinator *c, int64_t now, struct mesh **ret)
{
	CLEANUP(ca_free) struct ca ca = { 0 };
	TRY_CTX(ca_create(c->options.names, KEY_P256, now, &ca), "creating a root certificate");
	TRY(mesh_in_recovery(&ca, ret));
	bytes recoverable = store_public(c->options.store);
	error *e = recoverable.size ? recovery_begin(recoverable, &c->recovery) : NULL;
	const char *why = e ? error_message(e) : store_locked(c->options.store);
	int length = asprintf(&(*ret)->lock_reason, "%s (%s)", state_text(STATE_RECOVERY), why);
	error_free(e);
	if (length >= 0)
		return NULL;
	(*ret)->lock_reason = NULL;
	return error_no_memory();
}

/* Report data: SHA-256(root certificate DER ‖ nonce); then, when there is a nonce, the digest of where state
 * and log stand (marblerun/coordinator.h). */
static error *fill_report_data(bytes root_der, bytes nonce, bytes state, uint8_t ret[64])
{
	static const char label[] = MARBLERUN_STATE_LABEL;
	CLEANUP(writer_free) struct writer identity = { 0 }, standing = { 0 };
	write_bytes(&identity, root_der);
	write_bytes(&identity, nonce);
	TRY(writer_check(&identity, "nonce"));
	SHA256(identity.data, identity.size, ret);
	if (!state.size)
		return NULL;
	write_bytes(&standing, bytes_of(label, sizeof label));
	write_bytes(&standing, state);
	TRY(writer_check(&standing, "state"));
	SHA256(standing.data, standing.size, ret + 32);
	return NULL;
}

static error *issue(const struct coordinator *c, bytes root_der, bytes nonce, bytes state, struct blob *ret)
{
	uint8_t report_data[64] = { 0 };
	char reason[MARBLERUN_REASON_SIZE];
	if (!c->options.issuer)
		return NULL;
	TRY(fill_report_data(root_der, nonce, state, report_data));
	if (marblerun_issue(c->options.issuer, report_data, &ret->data, &ret->size, reason) != 0)
		return error_new(ERROR_INTERNAL, "issuing evidence: %s", reason);
	return NULL;
}

/* Where state and log stand: struct marblerun_state in bytes. */
static error *write_standing(struct coordinator *c, struct blob *ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	struct store_head head;
	store_head(c->options.store, &head);
	pthread_mutex_lock(&c->lock);
	write_mark(&w, &c->history, &head);
	struct audit_head log = c->audit;
	pthread_mutex_unlock(&c->lock);
	write_be64(&w, log.entries);
	write_bytes(&w, BYTES_OF_ARRAY(log.digest));
	return blob_of_writer(&w, "state", ret);
}

error *coordinator_issue_first(const struct coordinator *c, const struct mesh *mesh, struct blob *ret)
{
	return issue(c, blob_view(&mesh->root_der), BYTES_EMPTY, BYTES_EMPTY, ret);
}

error *coordinator_open(const struct coordinator_options *options, int64_t now,
			struct coordinator **ret)
{
	CLEANUP(coordinator_close) struct coordinator *c = calloc(1, sizeof *c);
	CLEANUP(mesh_release) struct mesh *mesh = NULL;
	CLEANUP(blob_free) struct blob evidence = { 0 };
	TRY_ALLOC(c);
	c->options = *options;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->changing, NULL);
	TRY(running_init(&c->running));
	/* A locked state of ours without recovery data is one from before any manifest: nothing is lost with it. */
	bool waits = store_locked(options->store) && !store_gives_way(options->store);
	error *e = waits ? NULL : open_state(c, now, &mesh);
	if (e && error_code(e) == ERROR_DENIED) { /* it opens, but is not to be believed */
		store_lock(options->store, error_message(e));
		error_free(TAKE(e));
		waits = true;
	}
	TRY_CTX(e ? e : waits ? wait_for_recovery(c, now, &mesh) : NULL, "opening the state");
	TRY(coordinator_issue_first(c, mesh, &evidence));
	coordinator_publish_root(c, TAKE(mesh), &evidence);
	*ret = TAKE(c);
	return NULL;
}

void coordinator_close(struct coordinator *c)
{
	if (!c)
		return;
	mesh_release(c->mesh);
	blob_free(&c->first_evidence);
	blob_free(&c->mark);
	history_free(&c->history);
	recovery_free(c->recovery);
	running_free(&c->running);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->changing);
	free(c);
}

/* A relying party that has no endorsements of its own gets ours: they are signed. */
static error *print_collateral(const struct coordinator *c, bytes evidence, struct blob *ret)
{
	const struct endorsements *from = &c->options.endorsements;
	const struct marblerun_collateral *collateral;
	void *hold;
	error *e = from->get(from->context, evidence, &collateral, &hold);
	if (e && error_code(e) == ERROR_UNAVAILABLE) {
		error_free(e);
		return NULL;
	}
	TRY(e);
	char *json = marblerun_collateral_print(collateral);
	from->release(from->context, hold);
	TRY_ALLOC(json);
	*ret = (struct blob){ (uint8_t *)json, strlen(json) };
	return NULL;
}

static error *attest_freshly(struct coordinator *c, bytes nonce, struct statement *s)
{
	TRY(write_standing(c, &s->state));
	return issue(c, blob_view(&s->mesh->root_der), nonce, blob_view(&s->state), &s->evidence);
}

error *coordinator_attest(struct coordinator *c, bytes nonce, struct statement *ret)
{
	CLEANUP(statement_free) struct statement s = { 0 };
	pthread_mutex_lock(&c->lock);
	s.mesh = mesh_retain(c->mesh);
	error *e = nonce.size ? NULL : blob_copy(blob_view(&c->first_evidence), &s.evidence);
	pthread_mutex_unlock(&c->lock);
	TRY(e);
	if (nonce.size)
		TRY(attest_freshly(c, nonce, &s));
	if (s.evidence.size)
		TRY(print_collateral(c, blob_view(&s.evidence), &s.collateral));
	*ret = s;
	s = (struct statement){ 0 };
	return NULL;
}

void statement_free(struct statement *s)
{
	mesh_release(s->mesh);
	blob_free(&s->evidence);
	blob_free(&s->collateral);
	blob_free(&s->state);
	*s = (struct statement){ 0 };
}

void named_blobs_free(struct named_blobs *blobs)
{
	for (size_t i = 0; i < blobs->count; i++) {
		free(blobs->items[i].name);
		blob_free(&blobs->items[i].value);
	}
	free(blobs->items);
	*blobs = (struct named_blobs){ 0 };
}
