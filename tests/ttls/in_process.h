/* The data plane as a part of a test: what it does with a connection is called by its name, none of the C library's
 * functions are replaced. And peers that are none: OpenSSL's. */
#pragma once
#include <openssl/ssl.h>

#include "ttls/connection.h"
#include "ttls/plane.h"

enum rule_of_test {
	RULE_INCOMING,        /* any marble */
	RULE_INCOMING_TYPED,  /* marbles of type "client" */
	RULE_INCOMING_OPEN,   /* anybody */
	RULE_INCOMING_REFUSING, /* marbles of type "server", which own clients are not */
	RULE_OUTGOING,        /* 127.0.0.1, any marble */
	RULE_OUTGOING_TYPED,  /* the same, marbles of type "server" */
	RULE_OUTGOING_NAMED,  /* named.example */
	RULES_OF_TEST,
};

enum credential {
	CREDENTIAL_CLIENT, /* of type "client"; all for 127.0.0.1 unless they say otherwise */
	CREDENTIAL_SERVER,
	CREDENTIAL_STRANGER, /* of another authority */
	CREDENTIAL_EXPIRED,
	CREDENTIAL_NAMELESS, /* for no address */
	CREDENTIAL_COUNT,
	CREDENTIAL_NONE = CREDENTIAL_COUNT,
};

/* Once. `listener` is bound on 127.0.0.1; RULE_OUTGOING is for its port. */
void in_process_start(int listener);
struct plane_rule *in_process_rule(enum rule_of_test rule);
/* A peer that has this certificate and trusts the mesh. */
SSL_CTX *in_process_peer(enum credential credential);
/* From now on it is valid for so many seconds. */
void in_process_limit(X509 *certificate, long seconds);
/* A socket that listens on 127.0.0.1. */
int in_process_listener(void);
void in_process_no_waiting(int fd);
/* Two ends of a connection to it; `ret_connecting` does not wait. */
void in_process_connect(int listener, int *ret_connecting, int *ret_accepted);
/* As the program's recv and send, through the connection. */
ssize_t in_process_get(int fd, void *data, size_t size, int flags);
ssize_t in_process_put(int fd, const void *data, size_t size);
