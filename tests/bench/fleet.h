/* Marbles made beforehand: keys, certificates, quotes, requests, so that measuring costs the client
 * nothing but its half of the handshake. */
#pragma once
#include <openssl/ssl.h>

#include "base/blob.h"

struct fleet_marble {
	X509 *certificate;
	EVP_PKEY *key;
	struct blob message; /* a gRPC message with an rpc.ActivationReq */
};
struct fleet {
	struct fleet_marble *marbles;
	size_t count;
};
/* `program` is what the simulated platform measures. */
void fleet_make(const char *program, const char *type, size_t count, struct fleet *ret);
void fleet_free(struct fleet *f);
