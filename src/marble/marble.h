/* What a marble consists of, and who its peers are. */
#pragma once
#include <openssl/ssl.h>

#include "base/error.h"
#include "marblerun/marble.h"

enum { CHAIN_MAX = 16 };

struct marblerun_marble {
	X509 *chain[CHAIN_MAX]; /* its own certificate first */
	size_t chain_size;
	EVP_PKEY *key;
	X509 *root;             /* the marble root, trust anchor for other marbles */
	X509 *coordinator_root; /* what the client API is served with */
	struct marblerun_peer self;
	struct marblerun_parameters *parameters; /* NULL: the launcher's result */
};

/* UUID and type, as the coordinator writes them. Whether they are true is for who calls: they are only worth
 * something in a certificate that was verified. */
error *peer_of_certificate(const X509 *certificate, struct marblerun_peer *ret) MUST_USE;
