/* The coordinator: puts the domain together. Opens no socket, reads no clock, logs nothing; the time
 * is a parameter. Safe under threads. */
#pragma once
#include "attest/endorsements.h"
#include "coordinator/mesh.h"
#include "marblerun/issue.h"

struct coordinator;

/* A counter that only goes up, in hardware that the host can't turn back. */
struct hardware_counter {
	void *context;
	/* Makes a new one that answers to the 32 bytes of `auth` only. */
	error *(*provision)(void *context, bytes auth, uint32_t *ret_index);
	error *(*use)(void *context, uint32_t index, bytes auth);
	error *(*read)(void *context, uint64_t *ret);
	error *(*increment)(void *context);
};

struct coordinator_options {
	struct store *store;               /* borrowed */
	marblerun_issuer *issuer;          /* borrowed; NULL: plain simulation, no evidence at all */
	marblerun_verifier *verifier;      /* borrowed */
	struct endorsements endorsements;
	const struct hardware_counter *counter; /* borrowed; NULL: there is none */
	const struct san_list *names;      /* for the coordinator's certificates; borrowed */
	/* Called whenever the certificates of its servers may have changed. */
	void (*identity_changed)(void *context, const struct mesh *mesh);
	void *identity_context;
};

/* Opens the state in the store, or begins one: root, intermediate, root secret. */
error *coordinator_open(const struct coordinator_options *options, int64_t now,
			struct coordinator **ret) MUST_USE;
void coordinator_close(struct coordinator *c);
DEFINE_CLEANUP(coordinator_close, struct coordinator *)
/* The present snapshot; give it back with mesh_release. */
struct mesh *coordinator_mesh(struct coordinator *c);

/* Sets the first manifest. *ret_recovery names what recovery secrets were made: {name: bytes}. */
struct named_blob {
	char *name;
	struct blob value;
};
struct named_blobs {
	struct named_blob *items;
	size_t count;
};
void named_blobs_free(struct named_blobs *blobs);
DEFINE_CLEANUP_IN_PLACE(named_blobs_free, struct named_blobs)
error *coordinator_set_manifest(struct coordinator *c, bytes text, int64_t now,
				struct named_blobs *ret_recovery) MUST_USE;

/* The attestation statement: evidence whose report data begins with SHA-256(root DER ‖ nonce). Without
 * a nonce the one made at start. Empty in plain simulation. `collateral`, when there is some, is the
 * JSON object {file name: base64}; else empty. */
struct statement {
	struct mesh *mesh; /* for the certificates */
	struct blob evidence;
	struct blob collateral;
	struct blob state; /* with a nonce: where state and log stand, bound to the evidence */
};
error *coordinator_attest(struct coordinator *c, bytes nonce, struct statement *ret) MUST_USE;
void statement_free(struct statement *s);
DEFINE_CLEANUP_IN_PLACE(statement_free, struct statement)

/* A marble asks to be let in. All views are the caller's. */
struct activation_request {
	bytes evidence, csr, marble_type, uuid;
	bytes state_mark; /* what it was given at its last activation; empty: nothing */
	bytes client_certificate; /* DER, of the very connection that carries the request */
	char *const *enforced; /* what its data plane enforces: "tls", "peer-types", "deny-unlisted" */
	size_t enforced_count;
};
struct provided_value {
	const char *name; /* of the manifest, or a literal */
	struct secret value;
};
/* What the marble gets. */
struct activation {
	struct mesh *mesh; /* keeps the names and arguments alive */
	const struct marble *marble;
	char uuid[37]; /* canonical */
	struct blob state_mark; /* for its next activation */
	struct provided_value *files, *environment;
	size_t file_count, environment_count;
};
error *coordinator_activate(struct coordinator *c, const struct activation_request *request,
			    int64_t now, struct activation *ret) MUST_USE;
void activation_free(struct activation *a);
DEFINE_CLEANUP_IN_PLACE(activation_free, struct activation)
/* Would activating this type make keys that take long? For whoever chooses where to run it. */
bool coordinator_activation_is_slow(struct coordinator *c, bytes marble_type);
