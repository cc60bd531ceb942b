/* What is counted of connections, and what the access log is told; nothing when telemetry is off. */
#pragma once
#include <sys/socket.h>

#include "ttls/connection.h"
#include "ttls/plane.h"

/* With the locks of the connection, as the functions that call them. */
void count_established(struct connection *c, int fd);
void count_refused(struct connection *c, int fd);
/* One that no entry of the policy names, or more than one; it never was a connection. */
void count_unlisted(int fd, bool outgoing, const struct sockaddr *remote, socklen_t size, enum refusal why);
/* Who holds it has changed. */
void count_holder(const struct shared_connection *c);
/* Its last descriptor is closed. */
void count_closed(struct shared_connection *c);

void count_bytes(struct shared_connection *c, bool sent, size_t size);
/* After a call that has moved so many bytes; -1: none. */
static inline void count_moved(struct connection *c, bool sent, ssize_t size)
{
	if (plane.telemetry && size > 0)
		count_bytes(c->shared, sent, (size_t)size);
}
