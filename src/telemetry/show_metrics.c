#include "metrics/metrics.h"
#include "telemetry/show.h"

#define ISTIO_LABELS                                                                                          \
	{ "reporter", "source_workload", "source_principal", "destination_workload", "destination_principal", \
	  "destination_port", "connection_security_policy", "response_flags" }
#define AUTHORIZATION_LABELS { "target_port", "client_id", "tls" }
#define OWN_LABELS { "direction", "address", "peer_type" }
#define BOUNDS { .0001, .0002, .0004, .0008, .0016, .0032, .0064, .0128, .0256, .0512, .1024, .2048 }

enum family {
	ISTIO_OPENED, ISTIO_CLOSED, ISTIO_SENT, ISTIO_RECEIVED, ALLOWED, DENIED, REFUSED, OPEN, RESUMED,
	HANDSHAKE, CONNECT, LOST, VERSION, FAMILY_COUNT
};

static const struct metric_definition definitions[FAMILY_COUNT] = {
	[ISTIO_OPENED] = { "istio_tcp_connections_opened_total", "Connections whose handshake succeeded.",
			   METRIC_COUNTER, .labels = ISTIO_LABELS },
	[ISTIO_CLOSED] = { "istio_tcp_connections_closed_total", "Of these, those that have ended.", METRIC_COUNTER,
			   .labels = ISTIO_LABELS },
	[ISTIO_SENT] = { "istio_tcp_sent_bytes_total", "Bytes from server to client.", METRIC_COUNTER,
			 .labels = ISTIO_LABELS },
	[ISTIO_RECEIVED] = { "istio_tcp_received_bytes_total", "Bytes from client to server.", METRIC_COUNTER,
			     .labels = ISTIO_LABELS },
	[ALLOWED] = { "inbound_tcp_authz_allow_total", "Accepted connections that were let in.", METRIC_COUNTER,
		      .labels = AUTHORIZATION_LABELS },
	[DENIED] = { "inbound_tcp_authz_deny_total", "Accepted connections that were refused.", METRIC_COUNTER,
		     .labels = AUTHORIZATION_LABELS },
	[REFUSED] = { "marblerun_connections_refused_total", "Connections that were refused.", METRIC_COUNTER,
		      .labels = { "direction", "address", "peer_type", "reason" } },
	[OPEN] = { "marblerun_connections_open", "Connections that are open now.", METRIC_GAUGE, .labels = OWN_LABELS },
	[RESUMED] = { "marblerun_handshakes_resumed_total", "Handshakes with a ticket instead of certificates.",
		      METRIC_COUNTER, .labels = OWN_LABELS },
	[HANDSHAKE] = { "marblerun_handshake_duration_seconds", "From TCP's connection to TLS's.", METRIC_HISTOGRAM,
			.labels = OWN_LABELS, .bounds = BOUNDS, .bound_count = TELEMETRY_BOUNDS },
	[CONNECT] = { "marblerun_connect_duration_seconds", "From connect() to TCP's connection.", METRIC_HISTOGRAM,
		      .labels = OWN_LABELS, .bounds = BOUNDS, .bound_count = TELEMETRY_BOUNDS },
	[LOST] = { "marblerun_access_log_lost_total", "Lines of the access log that found no place.", METRIC_COUNTER },
	[VERSION] = { "marblerun_version_info", "Always 1; the label says what runs.", METRIC_GAUGE,
		      .labels = { "version" } },
};

/* One document under way. */
struct document {
	const struct telemetry *table;
	struct metrics *metrics;
	struct metric *families[FAMILY_COUNT];
};

static bytes known(const char text[TELEMETRY_TEXT])
{
	return *text ? telemetry_text(text, TELEMETRY_TEXT) : bytes_of_string("unknown");
}

static void count(struct document *d, enum family family, const bytes *labels, uint64_t value)
{
	metric_count_many(metric_series(d->families[family], labels, METRIC_KNOWN), value);
}

static void show_istio(struct document *d, const struct telemetry_series *s, const struct telemetry_place *place,
		       bytes port)
{
	bytes own = known(d->table->own_type), peer = known(s->peer_type);
	bytes source = place->outgoing ? own : peer, destination = place->outgoing ? peer : own;
	const bytes labels[] = {
		bytes_of_string(place->outgoing ? "source" : "destination"), source, source, destination, destination,
		port, bytes_of_string(place->verified ? "mutual_tls" : "tls"), bytes_of_string("-"),
	};
	if (!s->opened)
		return;
	count(d, ISTIO_OPENED, labels, s->opened);
	count(d, ISTIO_CLOSED, labels, s->closed);
	count(d, ISTIO_SENT, labels, place->outgoing ? s->received : s->sent);
	count(d, ISTIO_RECEIVED, labels, place->outgoing ? s->sent : s->received);
}

static void show_histogram(struct document *d, enum family family, const bytes *labels,
			   const struct telemetry_histogram *h)
{
	uint64_t counts[TELEMETRY_BOUNDS + 1], all = 0;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		all += counts[i] = h->buckets[i];
	if (all)
		metric_observe_many(metric_series(d->families[family], labels, METRIC_KNOWN), counts,
				    (double)h->sum_ns / 1e9);
}

static uint64_t show_refused(struct document *d, const struct telemetry_series *s, const bytes *own)
{
	uint64_t all = 0;
	for (int reason = 1; reason < REFUSAL_COUNT; reason++) {
		const bytes labels[] = { own[0], own[1], own[2], bytes_of_string(refusal_names[reason]) };
		if (s->refused[reason])
			count(d, REFUSED, labels, s->refused[reason]);
		all += s->refused[reason];
	}
	return all;
}

static void show_series(struct document *d, const struct telemetry_series *s)
{
	const struct telemetry_place *place = &d->table->places[s->place];
	char port[8], address[TELEMETRY_ADDRESS];
	snprintf(port, sizeof port, "%u", place->port);
	telemetry_address(place, address);
	const bytes own[] = { bytes_of_string(place->outgoing ? "outgoing" : "incoming"), bytes_of_string(address),
			      telemetry_text(s->peer_type, TELEMETRY_TEXT) };
	const bytes client[] = { bytes_of_string(port), known(s->peer_type), bytes_of_string("true") };
	show_istio(d, s, place, bytes_of_string(port));
	uint64_t refused = show_refused(d, s, own);
	if (!place->outgoing && s->opened)
		count(d, ALLOWED, client, s->opened);
	if (!place->outgoing && refused)
		count(d, DENIED, client, refused);
	if (!s->opened)
		return;
	metric_add(metric_series(d->families[OPEN], own, METRIC_KNOWN), (double)s->opened - (double)s->closed);
	count(d, RESUMED, own, s->resumed);
	show_histogram(d, HANDSHAKE, own, &s->handshake);
	show_histogram(d, CONNECT, own, &s->connect);
}

static error *show_all(const struct telemetry *t, struct writer *w)
{
	CLEANUP(metrics_free) struct metrics *metrics = NULL;
	struct document d = { .table = t };
	TRY(metrics_new(&metrics));
	for (size_t i = 0; i < FAMILY_COUNT; i++)
		TRY(metrics_add(metrics, &definitions[i], NULL, &d.families[i]));
	for (size_t i = 0; i < TELEMETRY_SERIES; i++)
		if (t->series[i].state == SERIES_READY && t->series[i].place < TELEMETRY_PLACES)
			show_series(&d, &t->series[i]);
	bytes version = bytes_of_string(MARBLERUN_VERSION);
	metric_set(metric_series(d.families[VERSION], &version, METRIC_KNOWN), 1);
	if (t->logs)
		metric_count_many(metric_only(d.families[LOST]), t->lost);
	metrics_write(metrics, w);
	return NULL;
}

void telemetry_write_metrics(const struct telemetry *t, struct writer *w)
{
	error *e = show_all(t, w);
	w->failed |= e != NULL;
	error_free(e);
}
