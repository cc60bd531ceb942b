/* One activation over one connection of its own: TCP, mutual TLS, HTTP/2, gRPC. Blocking. */
#pragma once
#include <netinet/in.h>

#include "fleet.h"

struct call_target {
	SSL_CTX *context;
	struct sockaddr_in address;
};
void call_target_open(const char *port, struct call_target *ret);
/* The gRPC status of Activate: 0 when the marble was let in; -1 when the connection broke. */
int call_activate(const struct call_target *target, const struct fleet_marble *marble);
