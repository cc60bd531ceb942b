/* A snapshot of the mesh: everything that requests read, as the last transaction left it. It never
 * changes; a new one replaces it. So requests need no lock while they compute. */
#pragma once
#include <stdatomic.h>

#include "coordinator/scope.h"
#include "coordinator/secret_set.h"
#include "coordinator/state.h"
#include "manifest/model.h"
#include "pki/ca.h"

/* A marble's files and variables, with their templates parsed. */
struct marble_plan {
	struct template **files, **environment; /* NULL where the text is taken as it is */
	size_t file_count, environment_count;
	bool slow; /* activating it makes keys that take long */
};

/* A manifest that waits for acknowledgments. */
struct pending_update {
	struct blob text; /* empty: none waits */
	char **users;     /* who has acknowledged it */
	size_t user_count;
};

struct mesh {
	atomic_uint references;
	enum coordinator_state state;
	bool rolled_back; /* marbles have seen a newer state; until the manifest is updated */
	struct ca ca;
	enum key_kind key_kind;       /* of marbles' keys */
	struct blob root_der;
	char *lock_reason;            /* in state recovery: what the status says */
	char *chain_pem;              /* intermediate, then root */
	char *root_pem, *intermediate_pem, *marble_root_pem;
	struct manifest *manifest;    /* NULL before one is set, as are those below */
	struct blob manifest_signature;
	struct secret_set secrets;
	struct secret_set previous; /* what .Previous shows; values: the present ones before any renewal */
	struct pending_update pending;
	struct marble_plan *plans;    /* same order as the manifest's marbles */
};

/* Names in the store. */
#define STORED_STATE "state"
#define STORED_ROOT_KEY "ca/root/key"
#define STORED_ROOT_CERTIFICATE "ca/root/certificate"
#define STORED_INTERMEDIATE_KEY "ca/intermediate/key"
#define STORED_INTERMEDIATE_CERTIFICATE "ca/intermediate/certificate"
#define STORED_MARBLE_ROOT_CERTIFICATE "ca/marble-root/certificate"
#define STORED_ROOT_SECRET "root-secret"
#define STORED_STATE_KEY "state-key"
#define STORED_RECOVERY "recovery-public" /* of the state key in use */
#define STORED_MANIFEST "manifest/text"
#define STORED_MANIFEST_SIGNATURE "manifest/signature"
#define STORED_ROLLBACK "rollback" /* what was noticed */
#define STORED_SECRETS "secrets/"
#define STORED_PREVIOUS_ROOT_SECRET "previous/root-secret"
#define STORED_PREVIOUS_SECRETS "previous/secrets/"
#define STORED_PACKAGE_VERSIONS "package-version/" /* of updates that raised no more than these */
#define STORED_PENDING_UPDATE "pending/manifest"
#define STORED_PENDING_USERS "pending/by/" /* who has acknowledged it */
#define STORED_ACTIVATIONS "activations/"

/* Reads the mesh as the transaction sees it. Every template of the manifest is parsed and tried. */
error *mesh_load(struct transaction *txn, struct mesh **ret) MUST_USE;
error *mesh_store_ca(struct transaction *txn, const struct ca *ca) MUST_USE;
/* The least that a deployment's state holds: its authority, a fresh root secret. */
error *mesh_begin(struct transaction *txn, const struct ca *ca) MUST_USE;
/* A snapshot of a coordinator that waits for recovery; shares the authority, which serves its API. */
error *mesh_in_recovery(const struct ca *ca, struct mesh **ret) MUST_USE;
error *mesh_store_state(struct transaction *txn, enum coordinator_state state) MUST_USE;
/* The kind of key that the manifest wants for intermediate and marbles. */
enum key_kind mesh_key_kind(const struct manifest *manifest);
/* What the status says: of the state, or that it was rolled back. */
const char *mesh_status_text(const struct mesh *mesh);
/* One more reference; mesh_release gives one back. */
struct mesh *mesh_retain(struct mesh *mesh);
void mesh_release(struct mesh *mesh);
DEFINE_CLEANUP(mesh_release, struct mesh *)
