/* Addresses as text. */
#pragma once
#include <netdb.h>
#include <sys/socket.h>

#include "base/error.h"

/* Splits host:port, :port or [v6]:port; `host` is empty for all interfaces. */
error *address_split(const char *text, char host[256], char port[8]) MUST_USE;
/* As getaddrinfo, which returns its number: but "localhost" is the loopback address also where no file or
 * server says so (RFC 6761 section 6.3). Free with freeaddrinfo. */
int address_look_up(const char *host, const char *port, const struct addrinfo *hints,
		    struct addrinfo **ret);
/* "127.0.0.1:51234", "[::1]:51234". */
void address_print(const struct sockaddr *address, char *to, size_t size);
