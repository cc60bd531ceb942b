#include "coordinator/new_manifest.h"

#include "codec/hex.h"
#include "coordinator/mesh.h"
#include "coordinator/plan.h"
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

error *new_manifest_read(bytes text, struct manifest **ret)
{
	CLEANUP(manifest_free) struct manifest *m = NULL;
	TRY(manifest_parse(text, &m));
	TRY(manifest_check(m));
	TRY(check_secrets(m));
	*ret = TAKE(m);
	return NULL;
}

error *new_manifest_try(const struct mesh *mesh, bytes text)
{
	CLEANUP(mesh_release) struct mesh *trial = calloc(1, sizeof *trial);
	TRY_ALLOC(trial);
	atomic_init(&trial->references, 1);
	TRY(ca_share(&mesh->ca, &trial->ca));
	TRY(new_manifest_read(text, &trial->manifest));
	struct secret_set *set = &trial->secrets;
	set->definitions = trial->manifest->secrets;
	set->values = calloc(trial->manifest->secret_count + 1, sizeof *set->values);
	TRY_ALLOC(set->values);
	set->count = trial->manifest->secret_count;
	for (size_t i = 0; i < set->count; i++)
		set->values[i].definition = &set->definitions[i];
	return plans_make(trial);
}

error *new_manifest_put(struct transaction *txn, const struct manifest *m, EVP_PKEY *root_key)
{
	CLEANUP(blob_free) struct blob signature = { 0 };
	TRY(key_sign(root_key, blob_view(&m->text), &signature));
	TRY(transaction_put(txn, STORED_MANIFEST, blob_view(&m->text)));
	return transaction_put(txn, STORED_MANIFEST_SIGNATURE, blob_view(&signature));
}

json_t *fingerprint_field(const struct manifest *m)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_hex(&w, BYTES_OF_ARRAY(m->fingerprint));
	return json_pack("{s:s%}", "manifestFingerprint", w.data, w.size);
}

static error *name_parts(const struct manifest *m, struct recovery_parts *parts, struct named_blobs *ret)
{
	CLEANUP(named_blobs_free) struct named_blobs blobs = { 0 };
	blobs.items = calloc(parts->count + 1, sizeof *blobs.items);
	TRY_ALLOC(blobs.items);
	for (; blobs.count < parts->count; blobs.count++) {
		struct named_blob *item = &blobs.items[blobs.count];
		item->name = strdup(m->recovery_keys[blobs.count].name);
		TRY_ALLOC(item->name);
		item->value = blob_take(&parts->encrypted[blobs.count]);
	}
	*ret = blobs;
	blobs = (struct named_blobs){ 0 };
	return NULL;
}

error *state_reseal(struct transaction *txn, const struct manifest *m)
{
	static const enum sealing_mode modes[] = { [SEAL_PRODUCT_KEY] = SEALED_FOR_PRODUCT,
						   [SEAL_UNIQUE_KEY] = SEALED_FOR_UNIQUE,
						   [SEAL_DISABLED] = SEALED_FOR_NOBODY };
	struct sealing sealing = { .mode = modes[m->config.seal_mode] };
	TRY(transaction_get(txn, STORED_STATE_KEY, &sealing.state_key));
	TRY(transaction_get(txn, STORED_RECOVERY, &sealing.public_section));
	return transaction_reseal(txn, &sealing);
}

error *recovery_secrets_make(struct transaction *txn, const struct manifest *m, struct named_blobs *ret)
{
	CLEANUP(secret_free) struct secret state_key = { 0 };
	CLEANUP(recovery_parts_free) struct recovery_parts parts = { 0 };
	TRY(secret_random(STATE_KEY_SIZE, &state_key));
	TRY(recovery_split(m, secret_view(&state_key), &parts));
	TRY(transaction_put(txn, STORED_STATE_KEY, secret_view(&state_key)));
	TRY(transaction_put(txn, STORED_RECOVERY, blob_view(&parts.public_section)));
	TRY(state_reseal(txn, m));
	return name_parts(m, &parts, ret);
}
