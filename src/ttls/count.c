#include "ttls/count.h"

#include <time.h>

#include "ttls/system.h"

static uint32_t place_of(const struct shared_connection *c)
{
	return PLACE_FIRST + c->rule;
}

static struct telemetry_endpoint endpoint_of(const struct sockaddr *from, socklen_t size)
{
	struct telemetry_endpoint e = { 0 };
	if (from->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
		const struct sockaddr_in *in = (const void *)from;
		e = (struct telemetry_endpoint){ .family = AF_INET, .port = ntohs(in->sin_port) };
		memcpy(e.address, &in->sin_addr, sizeof in->sin_addr);
	} else if (from->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
		const struct sockaddr_in6 *in = (const void *)from;
		e = (struct telemetry_endpoint){ .family = AF_INET6, .port = ntohs(in->sin6_port) };
		memcpy(e.address, &in->sin6_addr, sizeof in->sin6_addr);
	}
	return e;
}

static struct telemetry_endpoint endpoint_by(int (*ask)(int, struct sockaddr *, socklen_t *), int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof address;
	if (ask(fd, (struct sockaddr *)&address, &size) != 0)
		size = 0;
	return endpoint_of((struct sockaddr *)&address, size);
}

static void note_endpoints(struct shared_connection *c, int fd)
{
	c->local = endpoint_by(sys->getsockname, fd);
	c->remote = endpoint_by(sys->getpeername, fd);
}

static uint64_t milliseconds_since_1970(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void log_end(const struct shared_connection *c, uint64_t since_ns)
{
	struct telemetry_entry entry = {
		.time_ms = milliseconds_since_1970(),
		.duration_ns = now_ns() - since_ns,
		.sent = c->sent,
		.received = c->received,
		.place = place_of(c),
		.process = plane.process,
		.failure = c->phase == PHASE_FAILED ? c->failure : 0,
		.refusal = c->refusal,
		.local = c->local,
		.remote = c->remote,
	};
	memcpy(entry.peer_type, c->peer_type, sizeof entry.peer_type);
	memcpy(entry.peer_uuid, c->peer_uuid, sizeof entry.peer_uuid);
	if (plane.telemetry->logs)
		telemetry_log(plane.telemetry, &entry);
}

void count_established(struct connection *c, int fd)
{
	struct shared_connection *shared = c->shared;
	if (!plane.telemetry)
		return;
	struct telemetry_series *series = telemetry_series(plane.telemetry, place_of(shared), shared->peer_type);
	shared->established_ns = now_ns();
	note_endpoints(shared, fd);
	telemetry_count(&series->resumed, SSL_session_reused(c->ssl));
	telemetry_observe(&series->handshake, shared->established_ns - c->connected_ns);
	if (!shared->server)
		telemetry_observe(&series->connect, c->connected_ns - c->began_ns);
	telemetry_count(&series->sent, shared->sent); /* while the handshake lasted */
	shared->series = (uint32_t)(series - plane.telemetry->series) + 1;
	telemetry_open(plane.telemetry, shared_index(plane.region, shared), series, plane.process);
}

/* Also one that the peer refuses when our side is established already (8446, 4.4.2): it ends in its own time. */
void count_refused(struct connection *c, int fd)
{
	struct shared_connection *shared = c->shared;
	if (!plane.telemetry)
		return;
	struct telemetry_series *series = telemetry_series(plane.telemetry, place_of(shared), shared->peer_type);
	telemetry_count(&series->refused[c->refusal], 1);
	shared->refusal = c->refusal;
	if (shared->series)
		return;
	note_endpoints(shared, fd);
	log_end(shared, c->began_ns);
}

void count_unlisted(int fd, bool outgoing, const struct sockaddr *remote, socklen_t size, enum refusal why)
{
	uint32_t place = outgoing ? PLACE_OUTGOING : PLACE_INCOMING;
	if (!plane.telemetry)
		return;
	telemetry_count(&telemetry_series(plane.telemetry, place, "")->refused[why], 1);
	struct telemetry_entry entry = { .time_ms = milliseconds_since_1970(), .place = place, .refusal = why,
					 .process = plane.process, .remote = endpoint_of(remote, size),
					 .local = endpoint_by(sys->getsockname, fd) };
	if (plane.telemetry->logs)
		telemetry_log(plane.telemetry, &entry);
}

void count_holder(const struct shared_connection *c)
{
	if (!plane.telemetry || !c->series)
		return;
	_Atomic int *holder = &plane.telemetry->live[shared_index(plane.region, c)].holder;
	for (int i = 0; i < HOLDERS_MAX; i++)
		if (c->holders[i])
			*holder = c->holders[i];
}

void count_closed(struct shared_connection *c)
{
	if (!plane.telemetry || !c->series)
		return;
	(void)telemetry_close(plane.telemetry, shared_index(plane.region, c));
	log_end(c, c->established_ns);
}

void count_bytes(struct shared_connection *c, bool sent, size_t size)
{
	struct telemetry_series *series = c->series ? &plane.telemetry->series[c->series - 1] : NULL;
	telemetry_count(sent ? &c->sent : &c->received, size);
	if (series)
		telemetry_count(sent ? &series->sent : &series->received, size);
}
