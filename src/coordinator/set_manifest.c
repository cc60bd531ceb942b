/* Setting the first manifest: check it whole, make what lasts, sign it, commit, publish. */
#include "coordinator/coordinator_internal.h"
#include "manifest/check.h"
#include "manifest/parse.h"
#include "secrets/generate.h"
#include "store/recovery.h"

/* Every secret's definition must be one that can be carried out, also those made per marble. */
static error *check_secrets(const struct manifest *m)
{
	for (size_t i = 0; i < m->secret_count; i++)
		TRY_CTX(secret_definition_check(&m->secrets[i]), "Secrets: %s", m->secrets[i].name);
	return NULL;
}

static error *parse_and_check(bytes text, struct manifest **ret)
{
	CLEANUP(manifest_free) struct manifest *m = NULL;
	TRY(manifest_parse(text, &m));
	TRY(manifest_check(m));
	TRY(check_secrets(m));
	*ret = TAKE(m);
	return NULL;
}

static error *make_shared_secrets(struct transaction *txn, const struct manifest *m,
				  const struct ca *ca, int64_t now)
{
	for (size_t i = 0; i < m->secret_count; i++) {
		CLEANUP(secret_value_free) struct secret_value v = { 0 };
		if (!m->secrets[i].shared || m->secrets[i].user_defined)
			continue;
		TRY_CTX(secret_generate(&m->secrets[i], ca, now, &v), "Secrets: %s", m->secrets[i].name);
		TRY(secret_set_store(txn, STORED_SECRETS, &v));
	}
	return NULL;
}

/* The intermediate was made before anybody could say which kind of key is wanted. */
static error *fit_intermediate(const struct coordinator *c, struct transaction *txn,
			       const struct manifest *m, struct ca *ca, int64_t now)
{
	enum key_kind wanted = mesh_key_kind(m);
	if (wanted == KEY_P256)
		return NULL;
	TRY(ca_renew_intermediate(ca, c->options.names, wanted, now));
	return mesh_store_ca(txn, ca);
}

static error *put_manifest(struct transaction *txn, const struct manifest *m, EVP_PKEY *root_key)
{
	CLEANUP(blob_free) struct blob signature = { 0 };
	TRY(key_sign(root_key, blob_view(&m->text), &signature));
	TRY(transaction_put(txn, STORED_MANIFEST, blob_view(&m->text)));
	TRY(transaction_put(txn, STORED_MANIFEST_SIGNATURE, blob_view(&signature)));
	return mesh_store_state(txn, STATE_ACCEPTING_MARBLES);
}

static error *name_recovery(const struct manifest *m, struct blob *encrypted, struct named_blobs *ret)
{
	size_t count = m->recovery_key_count;
	CLEANUP(named_blobs_free) struct named_blobs blobs = { 0 };
	blobs.items = calloc(count ? count : 1, sizeof *blobs.items);
	TRY_ALLOC(blobs.items);
	for (; blobs.count < count; blobs.count++) {
		struct named_blob *item = &blobs.items[blobs.count];
		item->name = strdup(m->recovery_keys[blobs.count].name);
		TRY_ALLOC(item->name);
		item->value = blob_take(&encrypted[blobs.count]);
	}
	*ret = blobs;
	blobs = (struct named_blobs){ 0 };
	return NULL;
}

/* The key that the state is to be recovered with, and its parts for those who may recover it. */
static error *make_recovery(struct transaction *txn, const struct manifest *m, struct named_blobs *ret)
{
	CLEANUP(secret_free) struct secret state_key = { 0 };
	struct blob *encrypted = calloc(m->recovery_key_count + 1, sizeof *encrypted);
	TRY_ALLOC(encrypted);
	error *e = secret_random(STATE_KEY_SIZE, &state_key);
	if (!e)
		e = transaction_put(txn, STORED_STATE_KEY, secret_view(&state_key));
	if (!e)
		e = recovery_split(m, secret_view(&state_key), encrypted);
	if (!e)
		e = name_recovery(m, encrypted, ret);
	for (size_t i = 0; i < m->recovery_key_count; i++)
		blob_free(&encrypted[i]);
	free(encrypted);
	return e;
}

error *coordinator_set_manifest(struct coordinator *c, bytes text, int64_t now,
				struct named_blobs *ret_recovery)
{
	CLEANUP(manifest_free) struct manifest *m = NULL;
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	CLEANUP(mesh_release) struct mesh *before = coordinator_mesh(c);
	CLEANUP(mesh_release) struct mesh *after = NULL;
	CLEANUP(named_blobs_free) struct named_blobs recovery = { 0 };
	TRY(state_require(before->state, REQUEST_SET_MANIFEST));
	TRY_CTX(parse_and_check(text, &m), "manifest");
	TRY(store_begin(c->options.store, &txn));
	/* Nobody else sets one while the transaction lasts, but somebody may have before it. */
	mesh_release(TAKE(before));
	TRY(mesh_load(txn, &before));
	TRY(state_require(before->state, REQUEST_SET_MANIFEST));
	TRY(fit_intermediate(c, txn, m, &before->ca, now));
	TRY(make_shared_secrets(txn, m, &before->ca, now));
	TRY(make_recovery(txn, m, &recovery));
	TRY(put_manifest(txn, m, before->ca.root_key));
	TRY_CTX(mesh_load(txn, &after), "manifest");
	TRY(transaction_commit(&txn));
	coordinator_publish(c, TAKE(after));
	*ret_recovery = recovery;
	recovery = (struct named_blobs){ 0 };
	return NULL;
}
