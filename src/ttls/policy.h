/* What the data plane has to do, as the launcher hands it over: in memory that nobody can change any more,
 * never in the environment. */
#pragma once
#include "base/blob.h"
#include "base/secret.h"

/* What a client remembers of the servers of an entry (resumption.c). */
struct plane_memory {
	void *session; /* the SSL_SESSION: a ticket, and what was verified when it came */
	uint64_t asked_ns;
	bool connected; /* once is not enough for a ticket */
};

/* One entry of the manifest's TLS tags. */
struct plane_rule {
	bool outgoing;
	char *address;    /* outgoing: a host name or an address; incoming: NULL */
	uint16_t port;
	char *ca;         /* PEM: the only root that peers are verified against */
	char *chain;      /* PEM: own certificate, then its intermediates */
	char *key;        /* PEM */
	bool client_auth; /* incoming: demand a certificate */
	bool peers_given; /* only marbles of `peers` */
	char **peers;     /* marble types */
	size_t peer_count;
	void *context;    /* the SSL_CTX, made at the first use (handshake.c) */
	struct plane_memory memory;
};

struct plane_policy {
	struct plane_rule *rules;
	size_t rule_count;
	bool deny_unlisted;
	char **resolvable; /* with deny_unlisted: names that may be looked up besides those of the rules */
	size_t resolvable_count;
};

/* From MARBLE_TTLS_CONFIG (the public contract, "Transparent TLS configuration", and our additions
 * expectedMarbles, allowedMarbles, denyUnlisted, resolvableNames). ERROR_INVALID for whatever is not
 * understood in a known member: a connection that should be TLS must not silently be none. */
error *plane_policy_of_config(bytes json, struct plane_policy *ret) MUST_USE;
/* For the handover; `w` must be secret. */
void plane_policy_write(const struct plane_policy *policy, struct writer *w);
error *plane_policy_read(bytes from, struct plane_policy *ret) MUST_USE;
void plane_policy_free(struct plane_policy *policy);
DEFINE_CLEANUP_IN_PLACE(plane_policy_free, struct plane_policy)
