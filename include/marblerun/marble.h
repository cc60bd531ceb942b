/* Marblerun: be a marble. Activates this process with the coordinator, or picks up what the launcher got;
 * connections to other marbles, the coordinator's monotonic counters.
 * All functions may be called from several threads; objects that are being freed must not be in use.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "marblerun/verify.h"

#ifdef __cplusplus
extern "C" {
#endif

struct marblerun_activation_options {
	const char *coordinator_address; /* host:port */
	const char *type;                /* its entry in the manifest */
	const char *dns_names;           /* comma-separated names and IPs for the certificate */
	const char *uuid_file;           /* made with mode 0600 when absent */
	const char *program;             /* what a simulated platform measures; NULL: this program */
	const char *coordinator_policy;  /* file; NULL: the coordinator is not verified */
	const char *sim_root;            /* file; trust this simulated root for the coordinator */
	unsigned timeout_s;              /* for all tries together; 0: 300 */
	bool plain_simulation;           /* send no evidence: only a coordinator in the same mode takes it */
	/* Called with the reason before each wait for the next try; NULL: not called. */
	void (*waiting)(void *context, const char *reason);
	void *context;
	/* What this program enforces of the manifest's TLS tags, NULL-terminated: "tls", "peer-types" (AllowedMarbles,
	 * ExpectedMarbles), "deny-unlisted" (DenyUnlisted). A coordinator refuses marbles whose entry demands more.
	 * NULL: nothing. */
	const char *const *enforces;
};
/* Options from the public environment variables, which stay owned by the environment:
 * EDG_MARBLE_COORDINATOR_ADDR, EDG_MARBLE_TYPE, EDG_MARBLE_DNS_NAMES, EDG_MARBLE_UUID_FILE,
 * EDG_MARBLE_COORDINATOR_POLICY, EDG_MARBLE_COORDINATOR_SIM_ROOT, EDG_MARBLE_ACTIVATION_TIMEOUT
 * (seconds), OE_SIMULATION. Returns 0; 1 with a reason that names the variable. */
MARBLERUN_EXPORT int marblerun_activation_options_of_environment(
	struct marblerun_activation_options *ret, char reason[MARBLERUN_REASON_SIZE]);

struct marblerun_named_value {
	char *name;
	uint8_t *data; /* followed by a NUL that `size` does not count */
	size_t size;
};
/* What the coordinator provides. Secret: wiped when freed. */
struct marblerun_parameters {
	struct marblerun_named_value *files, *environment;
	size_t file_count, environment_count;
	char **arguments; /* NULL-terminated */
	size_t argument_count;
};
/* Activates with a fresh key; retries with back-off while the coordinator is unreachable or not yet
 * accepting. With a policy, the coordinator's evidence is verified on the very connection that the
 * activation then uses, before anything is said about this marble.
 * Returns 0; 1 for a final refusal; 2 when time ran out. `reason` says why. */
MARBLERUN_EXPORT int marblerun_activate(const struct marblerun_activation_options *options,
					struct marblerun_parameters **ret,
					char reason[MARBLERUN_REASON_SIZE]);
MARBLERUN_EXPORT void marblerun_parameters_free(struct marblerun_parameters *parameters);

/* This process as a marble: its certificate chain and key, what it trusts, what it was given. It never changes. */
typedef struct marblerun_marble marblerun_marble;

/* Picks up what marblerun-premain left in the environment: MARBLE_PREDEFINED_ROOT_CA,
 * MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN, MARBLE_PREDEFINED_PRIVATE_KEY and
 * MARBLE_PREDEFINED_COORDINATOR_ROOT_CA, all PEM. They are copied. Only for programs that the launcher starts:
 * without it in front, inside the TEE, the host fills the environment.
 * *ret is freed with marblerun_marble_free. Returns 0; 1 with a reason that names the variable that is missing or
 * can't be used. */
MARBLERUN_EXPORT int marblerun_marble_of_environment(marblerun_marble **ret, char reason[MARBLERUN_REASON_SIZE]);
/* The same from what an activation delivered. On success the marble owns `parameters`; otherwise the caller still
 * does. */
MARBLERUN_EXPORT int marblerun_marble_of_parameters(struct marblerun_parameters *parameters, marblerun_marble **ret,
						    char reason[MARBLERUN_REASON_SIZE]);
/* Whichever there is: the launcher's result when any of the four variables above is set, else an activation with
 * marblerun_activation_options_of_environment when EDG_MARBLE_TYPE is set. Whether the two are set is the host's
 * choice unless the TEE fixes the environment: a program that is started in one way only calls the function for it.
 * Returns 0; 1 with a reason, also when there is neither; 2 when the time for the activation ran out. */
MARBLERUN_EXPORT int marblerun_marble_open(marblerun_marble **ret, char reason[MARBLERUN_REASON_SIZE]);
/* Wipes key and secrets. What was made of the marble (SSL_CTX, secrets) lives on. Accepts NULL. */
MARBLERUN_EXPORT void marblerun_marble_free(marblerun_marble *marble);

/* Bytes of a UUID in text, 36 characters, and of the longest type, with their NULs. */
#define MARBLERUN_UUID_SIZE 37
#define MARBLERUN_TYPE_SIZE 4097
/* Who a marble is by its certificate: the common name, and the extension 1.3.9903.2.1. */
struct marblerun_peer {
	char uuid[MARBLERUN_UUID_SIZE];
	char type[MARBLERUN_TYPE_SIZE]; /* its entry under Marbles in the manifest */
};
/* This marble itself; valid as long as the marble. */
MARBLERUN_EXPORT const struct marblerun_peer *marblerun_marble_self(const marblerun_marble *marble);

/* A copy of something secret. Released with marblerun_secret_free, which wipes it. */
struct marblerun_secret {
	uint8_t *data; /* followed by a NUL that `size` does not count */
	size_t size;
};
/* Accepts NULL and what is zero; *secret is zero afterwards. */
MARBLERUN_EXPORT void marblerun_secret_free(struct marblerun_secret *secret);
/* What the manifest's Env gives under this name: from the activation, or with the launcher from the environment
 * (where names that the manifest does not give are the host's words). Not while another thread changes the
 * environment. Returns 0; 1 with a reason when there is none. *ret is the caller's. */
MARBLERUN_EXPORT int marblerun_marble_variable(const marblerun_marble *marble, const char *name,
					       struct marblerun_secret *ret, char reason[MARBLERUN_REASON_SIZE]);
/* What the manifest's Files give under this path, spelled as there: from the activation, or with the launcher, which
 * wrote it, from the file system; at most 64 MiB. Returns 0; 1 with a reason. *ret is the caller's. */
MARBLERUN_EXPORT int marblerun_marble_file(const marblerun_marble *marble, const char *path,
					   struct marblerun_secret *ret, char reason[MARBLERUN_REASON_SIZE]);
/* All that the activation delivered, also the arguments; valid as long as the marble. NULL with the launcher: then
 * the arguments are those of main. */
MARBLERUN_EXPORT const struct marblerun_parameters *marblerun_marble_parameters(const marblerun_marble *marble);
/* Overwrites `size` bytes with zeros; the compiler can't leave it out. */
MARBLERUN_EXPORT void marblerun_wipe(void *data, size_t size);
/* Overwrites a variable's value where it lies and removes it, so that neither child processes nor
 * /proc/PID/environ show it: for MARBLE_PREDEFINED_PRIVATE_KEY, once it was picked up. Only while no other thread
 * uses the environment. */
MARBLERUN_EXPORT void marblerun_environment_forget(const char *name);

/* OpenSSL's SSL and SSL_CTX (openssl/ssl.h). The program links the libssl that this library is linked to:
 * pkg-config --libs marblerun libssl. */
struct ssl_st;
struct ssl_ctx_st;

/* Whom a TLS context talks to. All zero: any marble of this mesh. */
struct marblerun_tls_options {
	const char *const *peer_types; /* the marble types that are let in or expected; copied */
	size_t peer_type_count;        /* 0: any */
	bool anonymous_clients;        /* servers: clients without a certificate may come, too */
};
/* A context for TLS 1.3 with this marble's certificate chain and key. The marble root is the only trust anchor;
 * only certificates of marbles pass, and with peer types only those of one of them. Servers demand the
 * client's certificate. No session tickets, no sessions, no early data.
 * A client names whom it expects: by peer types here, by marblerun_connection_expect on each connection, or both;
 * a connection with neither is refused.
 * The context does not need the marble any more. It is OpenSSL's: more may be set on it, but its verification
 * (SSL_CTX_set_verify, its store, its callbacks) is to be left as it is. Freed with SSL_CTX_free.
 * Returns 0; 1 with a reason. */
MARBLERUN_EXPORT int marblerun_tls_client(const marblerun_marble *marble, const struct marblerun_tls_options *options,
					  struct ssl_ctx_st **ret, char reason[MARBLERUN_REASON_SIZE]);
MARBLERUN_EXPORT int marblerun_tls_server(const marblerun_marble *marble, const struct marblerun_tls_options *options,
					  struct ssl_ctx_st **ret, char reason[MARBLERUN_REASON_SIZE]);
/* Before the handshake: the peer's certificate must be for this DNS name (RFC 6125; wildcards for whole labels) or,
 * if it is one, this IP address. A name is sent to the server as well (SNI). Returns 0; 1 with a reason. */
MARBLERUN_EXPORT int marblerun_connection_expect(struct ssl_st *ssl, const char *name,
						 char reason[MARBLERUN_REASON_SIZE]);
/* After the handshake: who is at the other end. Returns 0; 1 with a reason when the handshake is not finished, the
 * peer showed no certificate, or the connection's context is none of this library's, so that the certificate's
 * words are worth nothing. *ret is untouched then. */
MARBLERUN_EXPORT int marblerun_connection_peer(const struct ssl_st *ssl, struct marblerun_peer *ret,
					       char reason[MARBLERUN_REASON_SIZE]);
/* After a handshake that failed: true, and why the peer's certificate was refused here; false when it was not, and the
 * reason is OpenSSL's (ERR_get_error) or the peer's (its alert). */
MARBLERUN_EXPORT bool marblerun_connection_refusal(const struct ssl_st *ssl, char reason[MARBLERUN_REASON_SIZE]);

/* Raises a monotonic counter of this marble (its type and UUID) to `value`, unless it is there already; a value that
 * is not above it only reads it. *ret_previous is what it was before, 0 for a new one. The coordinator keeps
 * counters over its restarts. The manifest enables them: Config.FeatureGates names MonotonicCounter.
 *   address  the coordinator's client API, host:port; NULL: the environment variable EDG_COORDINATOR_CLIENT_ADDR.
 *            TLS accepts nobody but who has the key of the coordinator's root certificate, as activation gave it
 *   name     UTF-8, at most 1024 bytes
 *   value    at most 2^63 - 1
 * Takes at most 30 seconds. Returns 0; 1 for a final refusal; 2 when the coordinator could not be reached or was not
 * ready: whether it counted is then unknown, and asking again with the same value is safe. `reason` says why. */
MARBLERUN_EXPORT int marblerun_counter_raise(const marblerun_marble *marble, const char *address, const char *name,
					     uint64_t value, uint64_t *ret_previous,
					     char reason[MARBLERUN_REASON_SIZE]);

#ifdef __cplusplus
}
#endif
