/* requests PORT PATH CLIENTS RATE SECONDS: CLIENTS threads, each with one kept-alive TLS connection, ask for
 * PATH, together RATE times a second, evenly spread; prints latencies as JSON. Each is counted from the moment
 * at which the request was due, so that a server that stalls can't hide how many had to wait. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { STACK_BYTES = 256 << 10, ANSWER_BYTES_MAX = 64 << 10 };

struct plan {
	SSL_CTX *context;
	struct sockaddr_in address;
	const char *path;
	size_t clients, each; /* requests of each client */
	double interval;      /* between the requests of a client */
	double begin;
	pthread_barrier_t ready;
	double *latencies;    /* clients × each */
};

struct client {
	struct plan *plan;
	size_t number;
	SSL *tls;
	char request[512], answer[ANSWER_BYTES_MAX + 1];
};

static void open_client(struct client *c)
{
	const struct plan *p = c->plan;
	int on = 1, descriptor = socket(AF_INET, SOCK_STREAM, 0);
	must(connect(descriptor, (const struct sockaddr *)&p->address, sizeof p->address) == 0, "connecting");
	setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->tls = SSL_new(p->context);
	must(c->tls && SSL_set_fd(c->tls, descriptor) == 1 && SSL_connect(c->tls) == 1, "TLS");
	snprintf(c->request, sizeof c->request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", p->path);
}

/* How long the answer is, head and body; 0 before the head is whole. */
static size_t answer_size(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "\r\nContent-Length:");
	if (!end)
		return 0;
	must(strncmp(answer, "HTTP/1.1 200 ", 13) == 0 && length && length < end, "an answer with status 200");
	return (size_t)(end + 4 - answer) + strtoul(length + 17, NULL, 10);
}

static void ask(struct client *c)
{
	size_t wanted = 0, got = 0, part;
	must(SSL_write_ex(c->tls, c->request, strlen(c->request), &part) == 1, "asking");
	while (!wanted || got < wanted) {
		must(SSL_read_ex(c->tls, c->answer + got, ANSWER_BYTES_MAX - got, &part) == 1, "an answer");
		got += part;
		c->answer[got] = 0;
		wanted = wanted ? wanted : answer_size(c->answer);
	}
}

static void wait_until(double when)
{
	struct timespec at = { (time_t)when, (long)((when - (double)(time_t)when) * 1e9) };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
		;
}

static void *run(void *context)
{
	struct client *c = context;
	struct plan *p = c->plan;
	double *latency = p->latencies + c->number * p->each;
	open_client(c);
	ask(c);
	pthread_barrier_wait(&p->ready); /* all are connected; */
	pthread_barrier_wait(&p->ready); /* the beginning is known */
	double due = p->begin + p->interval * (double)c->number / (double)p->clients;
	for (size_t i = 0; i < p->each; i++, due += p->interval) {
		wait_until(due);
		ask(c);
		latency[i] = seconds_now() - due;
	}
	close(SSL_get_fd(c->tls));
	SSL_free(c->tls);
	return NULL;
}

static void start_clients(struct plan *p, struct client *clients, pthread_t *threads)
{
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK_BYTES);
	for (size_t i = 0; i < p->clients; i++) {
		clients[i].plan = p;
		clients[i].number = i;
		must(pthread_create(&threads[i], &small, run, &clients[i]) == 0, "thread");
	}
	pthread_attr_destroy(&small);
}

int main(int argc, char **argv)
{
	must(argc == 6, "usage: requests PORT PATH CLIENTS RATE SECONDS");
	struct plan p = { .context = make_context(false), .path = argv[2], .clients = (size_t)atoi(argv[3]) };
	double rate = atof(argv[4]), seconds = atof(argv[5]);
	p.address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	p.interval = (double)p.clients / rate;
	p.each = (size_t)(seconds / p.interval);
	size_t count = p.clients * p.each;
	struct client *clients = calloc(p.clients, sizeof *clients);
	pthread_t *threads = calloc(p.clients, sizeof *threads);
	p.latencies = calloc(count, sizeof *p.latencies);
	must(clients && threads && p.latencies && count, "usage: requests PORT PATH CLIENTS RATE SECONDS");
	pthread_barrier_init(&p.ready, NULL, (unsigned)p.clients + 1);
	start_clients(&p, clients, threads);
	pthread_barrier_wait(&p.ready);
	p.begin = seconds_now() + 0.05;
	pthread_barrier_wait(&p.ready);
	for (size_t i = 0; i < p.clients; i++)
		pthread_join(threads[i], NULL);
	printf("{\"requests\": %zu, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"max_ms\": %.2f}\n", count,
	       percentile(p.latencies, count, 0.5) * 1e3, percentile(p.latencies, count, 0.99) * 1e3,
	       percentile(p.latencies, count, 1) * 1e3);
	SSL_CTX_free(p.context);
	free(clients);
	free(threads);
	free(p.latencies);
	return 0;
}
