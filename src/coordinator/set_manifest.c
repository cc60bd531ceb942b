/* Setting the first manifest: check it whole, make what lasts, sign it, commit, publish. */
#include "coordinator/change.h"
#include "coordinator/guard.h"
#include "coordinator/new_manifest.h"
#include "secrets/generate.h"

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

/* The root that serves those who wait becomes that of the new deployment. */
static error *begin_anew(struct coordinator *c, struct transaction *txn, const struct ca *ca)
{
	TRY(mesh_begin(txn, ca));
	TRY(coordinator_begin_incarnation(c, txn));
	return guard_begin(c, txn);
}

error *coordinator_set_manifest(struct coordinator *c, bytes text, int64_t now,
				struct named_blobs *ret_recovery)
{
	CLEANUP(manifest_free) struct manifest *m = NULL;
	CLEANUP(change_end) struct change change = { 0 };
	CLEANUP(named_blobs_free) struct named_blobs recovery = { 0 };
	CLEANUP(ca_free) struct ca ca = { 0 };
	CLEANUP(mesh_release) struct mesh *early = coordinator_mesh(c);
	TRY(state_require(early->state, REQUEST_SET_MANIFEST));
	TRY_CTX(new_manifest_read(text, &m), "manifest");
	TRY(change_begin(c, &change));
	TRY(state_require(change.mesh->state, REQUEST_SET_MANIFEST));
	TRY(ca_share(&change.mesh->ca, &ca));
	if (change.mesh->state == STATE_RECOVERY) /* the sealed state is given up */
		TRY(begin_anew(c, change.txn, &ca));
	TRY(fit_intermediate(c, change.txn, m, &ca, now));
	TRY(make_shared_secrets(change.txn, m, &ca, now));
	TRY(recovery_secrets_make(change.txn, m, &recovery));
	TRY(new_manifest_put(change.txn, m, ca.root_key));
	TRY(mesh_store_state(change.txn, STATE_ACCEPTING_MARBLES));
	TRY(audit_append(change.txn, now, AUDIT_UPDATE, "Initial manifest set", fingerprint_field(m)));
	TRY_CTX(change_commit_mesh(&change), "manifest");
	*ret_recovery = recovery;
	recovery = (struct named_blobs){ 0 };
	return NULL;
}
