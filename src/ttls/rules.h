/* Which connections are TLS, which pass, which are refused. */
#pragma once
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "ttls/connection.h"

enum verdict { VERDICT_PASS, VERDICT_TLS, VERDICT_REFUSE };

/* Once, after plane.policy is there. */
bool rules_prepare(void);
/* After fork: another thread of the parent may have been at it. */
void rules_in_child(void);
/* For a stream to `address`. May look names up when the program has found the address in a way that nobody saw. */
enum verdict rules_outgoing(const struct sockaddr *address, socklen_t size, struct plane_rule **ret,
			    enum refusal *ret_why);
/* For a stream that was accepted on `port`. */
enum verdict rules_incoming(uint16_t port, struct plane_rule **ret);
/* The program was told that `name` has this address (AF_INET or AF_INET6, in network order). */
void rules_learn(const char *name, int family, const void *address);
void rules_learn_all(const char *name, const struct addrinfo *found);
/* May the program look this name up? */
bool rules_resolvable(const char *name);
/* 0: not an internet address. Host order. */
uint16_t port_of(const struct sockaddr *address);
