/* What is shown of a table: texts that foreign programs read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "codec/json.h"
#include "telemetry/show.h"

static struct telemetry *new_table(void)
{
	struct telemetry *t = calloc(1, sizeof *t);
	assert_non_null(t);
	telemetry_prepare(t);
	strcpy(t->own_type, "web");
	t->places[t->place_count++] = (struct telemetry_place){ .outgoing = true, .verified = true, .port = 6379,
								.address = "redis" };
	return t;
}

static char *text_of(const struct telemetry *t, void (*write)(const struct telemetry *, struct writer *))
{
	struct writer w = { 0 };
	write(t, &w);
	char *text = writer_take_string(&w);
	assert_non_null(text);
	return text;
}

static void test_a_client_reports_by_istios_rules(void **state)
{
	struct telemetry *t = new_table();
	struct telemetry_series *s = telemetry_series(t, PLACE_FIRST, "a \"type\"");
	(void)state;
	telemetry_open(t, 0, s, 1);
	telemetry_count(&s->sent, 10);
	telemetry_count(&s->received, 20);
	telemetry_count(&s->refused[REFUSED_TIMEOUT], 3);
	telemetry_observe(&s->handshake, 150000);
	char *text = text_of(t, telemetry_write_metrics);
	static const char labels[] = "{reporter=\"source\",source_workload=\"web\",source_principal=\"web\","
				     "destination_workload=\"a \\\"type\\\"\",destination_principal=\"a \\\"type\\\"\","
				     "destination_port=\"6379\",connection_security_policy=\"mutual_tls\","
				     "response_flags=\"-\"} ";
	const struct {
		const char *name, *value;
	} wanted[] = { { "istio_tcp_connections_opened_total", "1" },
		       { "istio_tcp_sent_bytes_total", "20" }, /* by the server */
		       { "istio_tcp_received_bytes_total", "10" } };
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		char line[512];
		snprintf(line, sizeof line, "\n%s%s%s\n", wanted[i].name, labels, wanted[i].value);
		assert_non_null(strstr(text, line));
	}
	assert_non_null(strstr(text, "marblerun_connections_refused_total{direction=\"outgoing\","
				     "address=\"redis:6379\",peer_type=\"a \\\"type\\\"\",reason=\"timeout\"} 3\n"));
	assert_non_null(strstr(text, "marblerun_connections_open{direction=\"outgoing\",address=\"redis:6379\","
				     "peer_type=\"a \\\"type\\\"\"} 1\n"));
	assert_non_null(strstr(text, "peer_type=\"a \\\"type\\\"\",le=\"0.0001\"} 0\n"));
	assert_non_null(strstr(text, "peer_type=\"a \\\"type\\\"\",le=\"0.0002\"} 1\n"));
	assert_null(strstr(text, "inbound"));
	free(text);
	free(t);
}

static void test_lines_are_json_whatever_peers_are_called(void **state)
{
	struct telemetry *t = new_table();
	struct telemetry_entry entry = { .time_ms = 1924991999000, .duration_ns = 1500000000, .sent = 1,
					 .received = 2, .place = PLACE_FIRST, .process = 12,
					 .refusal = REFUSED_WRONG_TYPE, .remote = { AF_INET6, 443, { [15] = 1 } },
					 .local = { AF_INET, 80, { 127, 0, 0, 1 } },
					 .peer_type = "\xff\"\n", .peer_uuid = "u" };
	struct writer w = { 0 };
	CLEANUP_JSON json_t *line = NULL;
	(void)state;
	telemetry_write_entry(t, &entry, &w);
	assert_null(json_parse(writer_view(&w), "line", &line));
	assert_string_equal(json_string_value(json_object_get(line, "time")), "2030-12-31T23:59:59.000Z");
	assert_string_equal(json_string_value(json_object_get(line, "peerType")), "\xef\xbf\xbd\"\n");
	assert_string_equal(json_string_value(json_object_get(line, "remote")), "[::1]:443");
	assert_string_equal(json_string_value(json_object_get(line, "local")), "127.0.0.1:80");
	assert_string_equal(json_string_value(json_object_get(line, "reason")), "wrong_type");
	assert_string_equal(json_string_value(json_object_get(line, "address")), "redis:6379");
	assert_null(memchr(w.data, '\n', w.size - 1));
	assert_int_equal(w.data[w.size - 1], '\n');
	writer_free(&w);
	free(t);
}

/* The processes of the marble may write anything into the table: numbers from there lead nowhere else. */
static void test_a_spoiled_table_is_shown_all_the_same(void **state)
{
	struct telemetry *t = new_table();
	struct telemetry_entry entry = { .place = UINT32_MAX, .refusal = UINT32_MAX, .local = { .family = 77 } };
	struct writer w = { 0 };
	(void)state;
	for (size_t i = 0; i < TELEMETRY_SERIES; i++) {
		t->series[i].state = SERIES_READY;
		t->series[i].place = (uint32_t)(i * 0x1000001);
		t->series[i].opened = i;
		memset(t->series[i].peer_type, 'x', TELEMETRY_TEXT);
	}
	memset(t->own_type, 'y', TELEMETRY_TEXT);
	memset(t->places[PLACE_FIRST].address, 'z', TELEMETRY_TEXT);
	for (size_t i = 0; i < TELEMETRY_LIVE; i++)
		t->live[i].series = UINT32_MAX;
	telemetry_write_entry(t, &entry, &w);
	writer_free(&w);
	free(text_of(t, telemetry_write_metrics));
	free(text_of(t, telemetry_write_lines));
	telemetry_bury(t);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_client_reports_by_istios_rules),
		cmocka_unit_test(test_lines_are_json_whatever_peers_are_called),
		cmocka_unit_test(test_a_spoiled_table_is_shown_all_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
