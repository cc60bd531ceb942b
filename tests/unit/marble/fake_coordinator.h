/* A coordinator for tests: real TLS, gRPC, certificates and simulated evidence, and it lies on demand. */
#pragma once
#include <pthread.h>

#include "marblerun/coordinator.h"
#include "net/grpc.h"
#include "pki/ca.h"

/* What a statement about a coordinator needs, on the simulated platform in the folder "platform". */
struct fake_statement {
	struct blob evidence, chain, root_der, served_der;
	char *collateral;
};
enum lie {
	TRUTH,
	LIE_NO_EVIDENCE,
	LIE_OTHER_NONCE,      /* evidence is older than the question */
	LIE_RELAYED,          /* the statement of another coordinator */
	LIE_OTHER_ROOT,       /* evidence is for this root, which did not sign the intermediate */
	LIE_ROOT_TWICE,
	LIE_CHAIN_CUT,
	LIE_DAMAGED_EVIDENCE,
};
void statement_make(const struct ca *ca, const struct ca *other, bytes nonce, enum lie lie,
		    struct fake_statement *ret);
void statement_free(struct fake_statement *statement);

/* Makes the platform and points MARBLERUN_SIM_PLATFORM to it; a policy for this very program is in
 * "policy.json". */
void platform_make(void);
void fake_ca(struct ca *ret);

struct fake_coordinator {
	/* what it does */
	enum lie lie;
	int refuse_first;            /* so many calls of Activate fail first, */
	enum error_code refuse_code; /* with this code */
	int attest_refuse_first;
	/* what it saw; looked at after fake_stop */
	int attestations, activations;
	char type[32], uuid[40];
	struct blob evidence, request;
	uint8_t client_certificate_hash[32];
	/* its own */
	struct ca ca, other;
	struct loops *loops;
	struct tls_server *tls;
	struct http_server *server;
	pthread_t thread;
	char address[32];
};
void fake_start(struct fake_coordinator *fake);
void fake_stop(struct fake_coordinator *fake);
void fake_free(struct fake_coordinator *fake);
