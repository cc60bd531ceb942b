#include "coordinator/coordinator_internal.h"

#include <openssl/sha.h>

#include "marblerun/coordinator.h"

struct mesh *coordinator_mesh(struct coordinator *c)
{
	pthread_mutex_lock(&c->lock);
	struct mesh *mesh = mesh_retain(c->mesh);
	pthread_mutex_unlock(&c->lock);
	return mesh;
}

void coordinator_publish(struct coordinator *c, struct mesh *mesh)
{
	pthread_mutex_lock(&c->lock);
	struct mesh *old = c->mesh;
	c->mesh = mesh;
	pthread_mutex_unlock(&c->lock);
	mesh_release(old);
	if (c->options.identity_changed)
		c->options.identity_changed(c->options.identity_context, mesh);
}

/* A deployment begins: its root, and the secret that its marbles' keys are derived from. */
static error *begin_state(const struct coordinator *c, struct transaction *txn, int64_t now)
{
	CLEANUP(ca_free) struct ca ca = { 0 };
	CLEANUP(secret_free) struct secret root_secret = { 0 };
	TRY_CTX(ca_create(c->options.names, KEY_P256, now, &ca), "creating the root certificate");
	TRY(mesh_store_ca(txn, &ca));
	TRY(secret_random(32, &root_secret));
	TRY(transaction_put(txn, STORED_ROOT_SECRET, secret_view(&root_secret)));
	return mesh_store_state(txn, STATE_ACCEPTING_MANIFEST);
}

static error *open_state(struct coordinator *c, int64_t now)
{
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	CLEANUP(mesh_release) struct mesh *mesh = NULL;
	struct store_head head;
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
	store_head(c->options.store, &head);
	TRY(history_load(txn, &c->history));
	TRY(history_extend(txn, head.epoch + 1, &c->history));
	TRY(transaction_commit(&txn));
	coordinator_publish(c, TAKE(mesh));
	return NULL;
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
	write_mark(&w, &c->history, &head);
	pthread_mutex_lock(&c->lock);
	struct audit_head log = c->audit;
	pthread_mutex_unlock(&c->lock);
	write_be64(&w, log.entries);
	write_bytes(&w, BYTES_OF_ARRAY(log.digest));
	return blob_of_writer(&w, "state", ret);
}

error *coordinator_open(const struct coordinator_options *options, int64_t now,
			struct coordinator **ret)
{
	CLEANUP(coordinator_close) struct coordinator *c = calloc(1, sizeof *c);
	TRY_ALLOC(c);
	c->options = *options;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->changing, NULL);
	TRY_CTX(open_state(c, now), "opening the state");
	TRY(issue(c, blob_view(&c->mesh->root_der), BYTES_EMPTY, BYTES_EMPTY, &c->first_evidence));
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
	CLEANUP(statement_free) struct statement s = { .mesh = coordinator_mesh(c) };
	if (nonce.size)
		TRY(attest_freshly(c, nonce, &s));
	else
		TRY(blob_copy(blob_view(&c->first_evidence), &s.evidence));
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
