/* The documents over plain HTTP: what is there, what is refused, and who can't hold it up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/blob.h"
#include "metrics/scrape.h"

#define OK(call) assert_ok((call), __LINE__)
enum { LARGE = 1 << 20 };

static void assert_ok(error *e, int line)
{
	if (e)
		fail_msg("line %d: %s", line, error_message(e));
}

struct world {
	struct loops *loops;
	struct scrape_server *server;
	pthread_t thread;
	atomic_size_t large_written;
};

static void write_small(void *context, struct writer *w)
{
	(void)context;
	write_string(w, "small\n");
}

static void write_large(void *context, struct writer *w)
{
	struct world *world = context;
	atomic_fetch_add(&world->large_written, 1);
	write_zeros(w, LARGE);
}

static void write_too_much(void *context, struct writer *w)
{
	(void)context;
	w->failed = true;
}

static void *run(void *context)
{
	struct world *w = context;
	error_free(loops_run(w->loops));
	return NULL;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	const struct scrape_document documents[] = {
		{ "/small", "text/plain; version=0.0.4", write_small, w },
		{ "/large", "application/json", write_large, w },
		{ "/broken", "text/plain", write_too_much, w },
	};
	OK(loops_new(1, &w->loops));
	OK(scrape_server_start(w->loops, "127.0.0.1:0", documents, ARRAY_SIZE(documents), &w->server));
	assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
	*state = w;
	return 0;
}

static void stop_loops(void *context)
{
	loops_stop(context);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	scrape_server_stop(w->server, 0, stop_loops, w->loops);
	pthread_join(w->thread, NULL);
	scrape_server_free(w->server);
	loops_free(w->loops);
	free(w);
	return 0;
}

static int connect_to(const struct world *w)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(scrape_server_port(w->server)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(descriptor, (struct sockaddr *)&to, sizeof to), 0);
	return descriptor;
}

static void say(int descriptor, const char *text)
{
	assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
}

/* Everything until the other side closes. */
static struct blob listen_to(int descriptor)
{
	struct writer w = { 0 };
	struct blob heard;
	char part[65536];
	ssize_t size;
	while ((size = read(descriptor, part, sizeof part)) > 0)
		write_bytes(&w, bytes_of(part, (size_t)size));
	close(descriptor);
	OK(blob_of_writer(&w, "the answer", &heard));
	return heard;
}

static void assert_answer(const struct world *w, const char *request, const char *expected)
{
	int descriptor = connect_to(w);
	say(descriptor, request);
	CLEANUP(blob_free) struct blob heard = listen_to(descriptor);
	if (!bytes_equal_string(blob_view(&heard), expected))
		fail_msg("\"%s\"\n%.*s", request, (int)heard.size, (const char *)heard.data);
}

#define REQUEST(line) line " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void documents_are_served(void **state)
{
	assert_answer(*state, REQUEST("GET /small"),
		      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 6\r\n"
		      "Connection: close\r\n\r\nsmall\n");
	assert_answer(*state, REQUEST("GET /small?name=x"),
		      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 6\r\n"
		      "Connection: close\r\n\r\nsmall\n");
	assert_answer(*state, REQUEST("HEAD /small"),
		      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 6\r\n"
		      "Connection: close\r\n\r\n");
}

static void all_else_is_refused(void **state)
{
	static const struct {
		const char *request, *status;
	} cases[] = {
		{ REQUEST("GET /"), "HTTP/1.1 404 " },          { REQUEST("GET /smal"), "HTTP/1.1 404 " },
		{ REQUEST("GET /small/"), "HTTP/1.1 404 " },    { REQUEST("POST /small"), "HTTP/1.1 405 " },
		{ REQUEST("DELETE /small"), "HTTP/1.1 405 " },  { REQUEST("GET /broken"), "HTTP/1.1 503 " },
		{ "GET /small HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n", "HTTP/1.1 413 " },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 " },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int descriptor = connect_to(*state);
		say(descriptor, cases[i].request);
		CLEANUP(blob_free) struct blob heard = listen_to(descriptor);
		bytes start = bytes_slice(blob_view(&heard), 0, strlen(cases[i].status));
		if (!bytes_equal_string(start, cases[i].status))
			fail_msg("%s\n%.*s", cases[i].request, (int)heard.size, (const char *)heard.data);
	}
}

/* Each of the requests would put a megabyte into memory if it were answered at once. */
static void who_asks_without_listening_waits(void **state)
{
	enum { ASKED = 100, FEW = 10 };
	struct world *w = *state;
	int deaf = connect_to(w);
	for (size_t i = 1; i < ASKED; i++)
		say(deaf, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
	say(deaf, REQUEST("GET /large"));
	for (size_t i = 0; i < 50; i++) /* long enough to answer all of them */
		documents_are_served(state);
	assert_in_range(atomic_load(&w->large_written), 1, FEW);
	CLEANUP(blob_free) struct blob heard = listen_to(deaf);
	assert_true(heard.size > (size_t)ASKED * LARGE);
	assert_int_equal(atomic_load(&w->large_written), ASKED);
}

static void more_than_a_few_connections_are_closed(void **state)
{
	enum { FLOOD = 60, MOST = 16 };
	int open[FLOOD];
	size_t answered = 0;
	for (size_t i = 0; i < FLOOD; i++)
		open[i] = connect_to(*state);
	for (size_t i = 0; i < FLOOD; i++) {
		struct blob heard = { 0 };
		/* to those that are closed already nothing can be said */
		if (send(open[i], REQUEST("GET /small"), strlen(REQUEST("GET /small")), MSG_NOSIGNAL) > 0)
			heard = listen_to(open[i]);
		else
			close(open[i]);
		answered += heard.size > 0;
		blob_free(&heard);
	}
	assert_int_equal(answered, MOST);
	documents_are_served(state);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(documents_are_served),
		WITH_WORLD(all_else_is_refused),
		WITH_WORLD(who_asks_without_listening_waits),
		WITH_WORLD(more_than_a_few_connections_are_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
