#include <arpa/inet.h>

#include "base/utf8.h"
#include "codec/json.h"
#include "codec/timestamp.h"
#include "telemetry/show.h"

/* A peer's name may hold anything; JSON may not. */
static void write_text(struct writer *w, const char *name, bytes text)
{
	CLEANUP(writer_free) struct writer clean = { 0 };
	size_t size;
	for (bytes left = text; left.size; left = bytes_slice(left, size, SIZE_MAX))
		write_utf8(&clean, utf8_decode(left, &size));
	w->failed |= clean.failed;
	write_format(w, ",\"%s\":", name);
	write_json_string(w, writer_view(&clean));
}

static void write_number(struct writer *w, const char *name, uint64_t value)
{
	write_format(w, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void write_place(struct writer *w, const struct telemetry_place *place)
{
	char address[TELEMETRY_ADDRESS];
	write_format(w, "\"direction\":\"%s\"", place->outgoing ? "outgoing" : "incoming");
	telemetry_address(place, address);
	if (*address)
		write_text(w, "address", bytes_of_string(address));
}

static void write_histogram(struct writer *w, const char *name, const struct telemetry_histogram *h)
{
	uint64_t all = 0;
	write_format(w, ",\"%s\":{\"buckets\":{", name);
	for (unsigned i = 0; i < TELEMETRY_BOUNDS; i++) {
		all += h->buckets[i];
		write_format(w, "%s\"%.4f\":%llu", i ? "," : "", telemetry_bound(i), (unsigned long long)all);
	}
	all += h->buckets[TELEMETRY_BOUNDS];
	write_format(w, "},\"count\":%llu,\"sum\":%.6f}", (unsigned long long)all, (double)h->sum_ns / 1e9);
}

static void write_series(struct writer *w, const struct telemetry *t, const struct telemetry_series *s)
{
	bool first = true;
	write_u8(w, '{');
	write_place(w, &t->places[s->place]);
	write_text(w, "peerType", telemetry_text(s->peer_type, TELEMETRY_TEXT));
	write_number(w, "opened", s->opened);
	write_number(w, "closed", s->closed);
	write_number(w, "open", s->opened - s->closed);
	write_number(w, "resumed", s->resumed);
	write_number(w, "sentBytes", s->sent);
	write_number(w, "receivedBytes", s->received);
	write_string(w, ",\"refused\":{");
	for (int reason = 1; reason < REFUSAL_COUNT; reason++) {
		if (!s->refused[reason])
			continue;
		write_format(w, "%s\"%s\":%llu", first ? "" : ",", refusal_names[reason],
			     (unsigned long long)s->refused[reason]);
		first = false;
	}
	write_u8(w, '}');
	write_histogram(w, "handshakeSeconds", &s->handshake);
	write_histogram(w, "connectSeconds", &s->connect);
	write_string(w, "}\n");
}

static bool has_counted(const struct telemetry_series *s)
{
	uint64_t any = s->opened;
	for (int reason = 1; reason < REFUSAL_COUNT; reason++)
		any |= s->refused[reason];
	return s->state == SERIES_READY && s->place < TELEMETRY_PLACES && any;
}

void telemetry_write_lines(const struct telemetry *t, struct writer *w)
{
	for (size_t i = 0; i < TELEMETRY_SERIES; i++)
		if (has_counted(&t->series[i]))
			write_series(w, t, &t->series[i]);
}

static void write_endpoint(struct writer *w, const char *name, const struct telemetry_endpoint *e)
{
	char address[INET6_ADDRSTRLEN];
	if ((e->family == AF_INET || e->family == AF_INET6) &&
	    inet_ntop(e->family, e->address, address, sizeof address))
		write_format(w, e->family == AF_INET ? ",\"%s\":\"%s:%u\"" : ",\"%s\":\"[%s]:%u\"", name, address,
			     e->port);
}

static void write_outcome(struct writer *w, const struct telemetry_entry *entry)
{
	if (entry->refusal && entry->refusal < REFUSAL_COUNT)
		write_format(w, ",\"outcome\":\"refused\",\"reason\":\"%s\"", refusal_names[entry->refusal]);
	else
		write_format(w, ",\"outcome\":\"%s\"", entry->failure ? "cut off" : "closed");
}

void telemetry_write_entry(const struct telemetry *t, const struct telemetry_entry *entry, struct writer *w)
{
	uint32_t place = entry->place < TELEMETRY_PLACES ? entry->place : PLACE_INCOMING;
	write_string(w, "{\"time\":\"");
	write_timestamp_ms(w, (int64_t)entry->time_ms);
	write_string(w, "\",");
	write_place(w, &t->places[place]);
	write_outcome(w, entry);
	write_endpoint(w, "local", &entry->local);
	write_endpoint(w, "remote", &entry->remote);
	write_text(w, "type", telemetry_text(t->own_type, TELEMETRY_TEXT));
	write_text(w, "peerType", telemetry_text(entry->peer_type, TELEMETRY_TEXT));
	write_text(w, "peerUUID", telemetry_text(entry->peer_uuid, TELEMETRY_UUID));
	write_number(w, "sentBytes", entry->sent);
	write_number(w, "receivedBytes", entry->received);
	write_format(w, ",\"seconds\":%.6f", (double)entry->duration_ns / 1e9);
	write_format(w, ",\"process\":%d}\n", entry->process);
}
