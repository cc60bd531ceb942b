/* Connections of the data plane, used by many threads at once. What ThreadSanitizer is for; without it, that nothing
 * waits for ever and nothing is lost. */
#include "../../ttls/in_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>
/* last */
#include <cmocka.h>

#include "ttls/heap.h"
#include "ttls/rules.h"
#include "ttls/system.h"

enum { THREADS = 4, ROUNDS = 8, BULK = 1 << 20, PIECE = 5000 };

static int listener;

struct pair {
	int client, server;
	pthread_barrier_t start;
};

static void wait_for_peer(int fd)
{
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static struct pair *new_pair(enum rule_of_test outgoing, enum rule_of_test incoming, unsigned starters)
{
	struct pair *p = calloc(1, sizeof *p);
	in_process_connect(listener, &p->client, &p->server);
	wait_for_peer(p->client);
	pthread_barrier_init(&p->start, NULL, starters);
	assert_true(connection_attach(p->client, in_process_rule(outgoing), PHASE_HANDSHAKE, false));
	assert_true(connection_attach(p->server, in_process_rule(incoming), PHASE_HANDSHAKE, true));
	return p;
}

static void close_end(int fd)
{
	connection_detach(fd);
	close(fd);
}

static void free_pair(struct pair *p)
{
	pthread_barrier_destroy(&p->start);
	free(p);
}

struct end {
	struct pair *pair;
	int fd;
	size_t moved;
};

static void *write_bulk(void *context)
{
	struct end *e = context;
	static const uint8_t piece[PIECE];
	pthread_barrier_wait(&e->pair->start);
	while (e->moved < BULK) {
		ssize_t sent = in_process_put(e->fd, piece, BULK - e->moved < PIECE ? BULK - e->moved : PIECE);
		if (sent < 0)
			break;
		e->moved += (size_t)sent;
	}
	return NULL;
}

static void *read_bulk(void *context)
{
	struct end *e = context;
	uint8_t buffer[3 * PIECE];
	ssize_t got = 1;
	pthread_barrier_wait(&e->pair->start);
	while (got > 0 && e->moved < BULK) {
		got = in_process_get(e->fd, buffer, sizeof buffer, 0);
		e->moved += got > 0 ? (size_t)got : 0;
	}
	return NULL;
}

/* What event loops do beside those who read and write. */
static void *look_around(void *context)
{
	struct end *e = context;
	pthread_barrier_wait(&e->pair->start);
	for (int i = 0; i < 200; i++) {
		struct connection *c = connection_of(e->fd);
		if (!c)
			break;
		(void)connection_settle(c, e->fd);
		(void)connection_readable(c, e->fd);
		int copy = fcntl(e->fd, F_DUPFD_CLOEXEC, 3);
		connection_copy(c, copy);
		connection_put(c);
		e->moved += in_process_get(copy, (uint8_t[1]){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
		close_end(copy);
	}
	return NULL;
}

/* All four ends of the two directions meet in the handshake: two threads at each socket. */
static void both_directions_and_onlookers(void **state)
{
	(void)state;
	struct pair *p = new_pair(RULE_OUTGOING, RULE_INCOMING, 6);
	struct end ends[6] = { { p, p->client, 0 }, { p, p->server, 0 }, { p, p->client, 0 },
			       { p, p->server, 0 }, { p, p->client, 0 }, { p, p->server, 0 } };
	void *(*const run[6])(void *) = { write_bulk, write_bulk, read_bulk, read_bulk, look_around, look_around };
	pthread_t threads[6];
	for (int i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run[i], &ends[i]), 0);
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ends[i].moved, BULK);
	close_end(p->client);
	close_end(p->server);
	free_pair(p);
}

/* Several writers to one connection: nothing is lost, no record is broken. */
static void many_writers(void **state)
{
	(void)state;
	struct pair *p = new_pair(RULE_OUTGOING_TYPED, RULE_INCOMING_TYPED, THREADS);
	struct end ends[THREADS];
	pthread_t threads[THREADS];
	static uint8_t buffer[64 << 10];
	size_t all = 0;
	for (int i = 0; i < THREADS; i++) {
		ends[i] = (struct end){ p, p->client, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, write_bulk, &ends[i]), 0);
	}
	while (all < (size_t)THREADS * BULK) {
		ssize_t got = in_process_get(p->server, buffer, sizeof buffer, 0);
		assert_true(got > 0);
		all += (size_t)got;
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	close_end(p->client);
	assert_int_equal(in_process_get(p->server, buffer, 1, 0), 0);
	close_end(p->server);
	free_pair(p);
}

static void *serve_one(void *context)
{
	struct end *e = context;
	uint8_t byte;
	pthread_barrier_wait(&e->pair->start);
	while (in_process_get(e->fd, &byte, 1, 0) == 1 && in_process_put(e->fd, &byte, 1) == 1)
		e->moved++;
	close_end(e->fd);
	return NULL;
}

static void *ask_one(void *context)
{
	struct end *e = context;
	uint8_t byte = 'q';
	pthread_barrier_wait(&e->pair->start);
	for (int i = 0; i < 20 && in_process_put(e->fd, &byte, 1) == 1 && in_process_get(e->fd, &byte, 1, 0) == 1; i++)
		e->moved++;
	struct connection *c = connection_of(e->fd);
	(void)connection_shutdown(c, e->fd, e->moved % 3 ? SHUT_WR : SHUT_RDWR);
	connection_put(c);
	close_end(e->fd);
	return NULL;
}

/* Different connections at once, some of them refused: no table and no context of OpenSSL's is spoiled. */
static void connections_and_refusals(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct pair *pairs[2 * THREADS];
		struct end ends[4 * THREADS];
		pthread_t threads[4 * THREADS];
		for (int i = 0; i < 2 * THREADS; i++) {
			/* clients of type "client" expect "server", which the second kind of server is not told to */
			pairs[i] = new_pair(i % 2 ? RULE_OUTGOING : RULE_OUTGOING_TYPED,
					    i % 4 == 3 ? RULE_INCOMING_REFUSING : RULE_INCOMING, 2);
			ends[2 * i] = (struct end){ pairs[i], pairs[i]->client, 0 };
			ends[2 * i + 1] = (struct end){ pairs[i], pairs[i]->server, 0 };
			pthread_create(&threads[2 * i], NULL, ask_one, &ends[2 * i]);
			pthread_create(&threads[2 * i + 1], NULL, serve_one, &ends[2 * i + 1]);
		}
		for (int i = 0; i < 4 * THREADS; i++) {
			pthread_join(threads[i], NULL);
			assert_int_equal(ends[i].moved, i / 2 % 4 == 3 ? 0 : 20);
		}
		for (int i = 0; i < 2 * THREADS; i++)
			free_pair(pairs[i]);
	}
}

static void *read_until_nothing(void *context)
{
	struct end *e = context;
	uint8_t byte;
	pthread_barrier_wait(&e->pair->start);
	e->moved = (size_t)in_process_get(e->fd, &byte, 1, 0);
	return NULL;
}

/* A thread that waits in read, while another shuts the connection down, or closes the last descriptor. */
static void closed_under_a_reader(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct pair *p = new_pair(RULE_OUTGOING, RULE_INCOMING, 2);
		struct end reader = { p, p->client, 0 }, server = { p, p->server, 0 };
		pthread_barrier_t *start = &p->start;
		pthread_t threads[2];
		uint8_t byte = 'x';
		pthread_create(&threads[0], NULL, read_until_nothing, &reader);
		pthread_barrier_wait(start);
		pthread_create(&threads[1], NULL, serve_one, &server);
		pthread_barrier_wait(start);
		if (i % 2 && in_process_put(p->client, &byte, 1) != 1)
			fail_msg("can't write");
		struct connection *c = connection_of(p->client);
		(void)connection_shutdown(c, p->client, SHUT_RDWR);
		connection_put(c);
		pthread_join(threads[0], NULL);
		close_end(p->client);
		pthread_join(threads[1], NULL);
		free_pair(p);
	}
}

static void *use_until_closed(void *context)
{
	struct end *e = context;
	uint8_t byte = 'y';
	pthread_barrier_wait(&e->pair->start);
	while (in_process_put(e->fd, &byte, 1) == 1 && in_process_get(e->fd, &byte, 1, 0) == 1)
		e->moved++;
	return NULL;
}

/* Several threads use a descriptor that another thread closes. (It stays the number of nothing else here.) */
static void closed_while_used(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct pair *p = new_pair(RULE_OUTGOING, RULE_INCOMING, 3);
		struct end user = { p, p->client, 0 }, server = { p, p->server, 0 };
		pthread_t threads[2];
		pthread_create(&threads[0], NULL, use_until_closed, &user);
		pthread_create(&threads[1], NULL, serve_one, &server);
		pthread_barrier_wait(&p->start);
		usleep(2000u * (unsigned)i);
		connection_detach(p->client);
		shutdown(p->client, SHUT_RDWR);
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
		close(p->client);
		free_pair(p);
	}
}

static void *fork_often(void *context)
{
	struct end *e = context;
	pthread_barrier_wait(&e->pair->start);
	for (int i = 0; i < ROUNDS; i++) {
		heap_lock();
		pid_t child = fork();
		heap_unlock();
		if (!child) {
			void *memory = heap_alloc(1000); /* the heap's lock is nobody's */
			_exit(memory ? 0 : 1);
		}
		int status = -1;
		waitpid(child, &status, 0);
		e->moved += status == 0;
	}
	return NULL;
}

static void forks_meanwhile(void **state)
{
	(void)state;
	struct pair *p = new_pair(RULE_OUTGOING, RULE_INCOMING, 3);
	struct end ends[3] = { { p, p->client, 0 }, { p, p->server, 0 }, { p, -1, 0 } };
	void *(*const run[3])(void *) = { write_bulk, read_bulk, fork_often };
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, run[i], &ends[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(ends[1].moved, BULK);
	assert_int_equal(ends[2].moved, ROUNDS);
	close_end(p->client);
	close_end(p->server);
	free_pair(p);
}

/* A name server that takes its time. */
static int slow_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	struct addrinfo numeric = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
	(void)service, (void)hints;
	usleep(50000);
	return getaddrinfo(strcmp(name, "named.example") == 0 ? "127.0.0.9" : "127.0.0.8", NULL, &numeric, ret);
}

static void *ask_rules(void *context)
{
	struct end *e = context;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(RULE_OUTGOING_NAMED + 1) };
	struct plane_rule *rule = NULL;
	enum refusal why;
	to.sin_addr.s_addr = htonl(0x7f000009);
	pthread_barrier_wait(&e->pair->start);
	usleep((useconds_t)e->fd * 10000);
	e->moved = rules_outgoing((struct sockaddr *)&to, sizeof to, &rule, &why) == VERDICT_TLS &&
		   rule == in_process_rule(RULE_OUTGOING_NAMED);
	return NULL;
}

/* While the first thread looks up whom the address belongs to, the others must not pass in the clear. */
static void nobody_overtakes_a_look_up(void **state)
{
	(void)state;
	struct pair pair;
	struct end ends[THREADS];
	pthread_t threads[THREADS];
	system_functions.getaddrinfo = slow_getaddrinfo;
	pthread_barrier_init(&pair.start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		ends[i] = (struct end){ &pair, i, 0 };
		pthread_create(&threads[i], NULL, ask_rules, &ends[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++)
		assert_true(ends[i].moved);
	pthread_barrier_destroy(&pair.start);
}

static int nothing_is_left(void **state)
{
	(void)state;
	size_t connections, partials;
	connection_detach_all();
	shared_count(plane.region, &connections, &partials);
	return connection_count() || connections || partials;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(both_directions_and_onlookers, nothing_is_left),
		cmocka_unit_test_teardown(many_writers, nothing_is_left),
		cmocka_unit_test_teardown(connections_and_refusals, nothing_is_left),
		cmocka_unit_test_teardown(closed_under_a_reader, nothing_is_left),
		cmocka_unit_test_teardown(closed_while_used, nothing_is_left),
		cmocka_unit_test_teardown(forks_meanwhile, nothing_is_left),
		cmocka_unit_test(nobody_overtakes_a_look_up),
	};
	signal(SIGPIPE, SIG_IGN);
	if (!heap_serve_openssl())
		return 1;
	listener = in_process_listener();
	in_process_start(listener);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
