#include "metrics/scrape.h"

enum {
	DOCUMENTS_MAX = 4,
	CONNECTIONS_MAX = 16,      /* each can hold one document in memory until it has left */
	HEADER_BYTES_MAX = 8 << 10,
	BODY_BYTES_MAX = 1 << 10,
	SECONDS_MAX = 10,          /* for asking, and for taking the answer */
	IDLE_SECONDS_MAX = 75,     /* longer than the usual minute between scrapes */
	GIVES_WAY = 19,
};

struct scrape_server {
	struct http_server *server;
	struct workers *worker;
	size_t count;
	struct scrape_document documents[DOCUMENTS_MAX];
};

struct scrape_job {
	const struct scrape_document *document;
	struct http_exchange *x;
};

static void refuse(struct http_exchange *x, unsigned status, const char *why)
{
	http_respond(x, &(struct http_response){ .status = status, .content_type = "text/plain",
						 .body = bytes_of_string(why) });
}

/* In the worker. */
static void answer(void *context)
{
	struct scrape_job *job = context;
	CLEANUP(writer_free) struct writer text = { 0 };
	job->document->write(job->document->context, &text);
	if (text.failed || text.too_large)
		refuse(job->x, 503, "out of memory\n");
	else
		http_respond(job->x, &(struct http_response){ .status = 200,
							      .content_type = job->document->content_type,
							      .body = writer_view(&text) });
}

static error *submit(struct scrape_server *s, const struct scrape_document *document,
		     struct http_exchange *x)
{
	struct scrape_job *job = arena_alloc(&x->arena, 1, sizeof *job);
	TRY_ALLOC(job);
	*job = (struct scrape_job){ document, x };
	return workers_submit(s->worker, answer, job);
}

static const struct scrape_document *find(const struct scrape_server *s, bytes path)
{
	for (size_t i = 0; i < s->count; i++)
		if (bytes_equal_string(path, s->documents[i].path))
			return &s->documents[i];
	return NULL;
}

static void handle(void *context, struct http_exchange *x)
{
	struct scrape_server *s = context;
	const struct scrape_document *document = find(s, x->path);
	bool reads = bytes_equal_string(x->method, "GET") || bytes_equal_string(x->method, "HEAD");
	if (!document) {
		refuse(x, 404, "there is no such document\n");
	} else if (!reads) {
		refuse(x, 405, "documents here can only be read: GET\n");
	} else {
		error *e = submit(s, document, x);
		if (e)
			refuse(x, 503, "too many ask\n");
		error_free(e);
	}
}

error *scrape_server_start(struct loops *loops, const char *address,
			   const struct scrape_document *documents, size_t count,
			   struct scrape_server **ret)
{
	struct scrape_server *s = calloc(1, sizeof *s);
	TRY_ALLOC(s);
	struct http_server_options options = {
		.address = address,
		.limits = { .header_bytes = HEADER_BYTES_MAX, .body_bytes = BODY_BYTES_MAX,
			    .request_s = SECONDS_MAX, .idle_s = IDLE_SECONDS_MAX,
			    .connections = CONNECTIONS_MAX,
			    .memory_bytes = CONNECTIONS_MAX * BODY_BYTES_MAX },
		.handler = handle,
		.context = s,
	};
	for (; s->count < count && s->count < DOCUMENTS_MAX; s->count++)
		s->documents[s->count] = documents[s->count];
	error *e = workers_new(1, GIVES_WAY, CONNECTIONS_MAX, &s->worker);
	if (!e)
		e = http_server_start(loops, &options, &s->server);
	if (e)
		scrape_server_free(s);
	else
		*ret = s;
	return e;
}

uint16_t scrape_server_port(const struct scrape_server *s)
{
	return http_server_port(s->server);
}

void scrape_server_stop(struct scrape_server *s, unsigned limit_s, void (*drained)(void *context),
			void *context)
{
	http_server_stop(s->server, limit_s, drained, context);
}

void scrape_server_free(struct scrape_server *s)
{
	if (!s)
		return;
	workers_free(s->worker);
	http_server_free(s->server);
	free(s);
}
