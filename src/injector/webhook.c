#include "injector/webhook.h"

#include <strings.h>

#include "base/clock.h"
#include "base/log.h"

static void respond(struct http_exchange *x, unsigned status, const char *text)
{
	http_respond(x, &(struct http_response){ .status = status, .content_type = "text/plain; charset=utf-8",
						 .body = bytes_of_string(text) });
}

static void refuse_method(struct http_exchange *x, const char *allowed, const char *why)
{
	struct http_header allow = { bytes_of_string("allow"), bytes_of_string(allowed) };
	http_respond(x, &(struct http_response){ .status = 405, .content_type = "text/plain; charset=utf-8",
						 .body = bytes_of_string(why), .headers = &allow,
						 .header_count = 1 });
}

static void log_answer(const struct review_answer *a)
{
	static const char *const events[REVIEW_OUTCOMES] = { "a pod is a marble", "a pod stays as it is",
							     "a pod is refused" };
	enum log_level level = a->outcome == REVIEW_REFUSED || *a->message ? LOG_WARNING_LEVEL :
			       a->outcome == REVIEW_UNCHANGED ? LOG_DEBUG_LEVEL : LOG_INFO_LEVEL;
	log_event(level, events[a->outcome], LOG_TEXT_FIELD("review", a->uid),
		  LOG_TEXT_FIELD("namespace", a->namespace), LOG_TEXT_FIELD("pod", a->name),
		  LOG_TEXT_FIELD("type", a->type),
		  *a->message ? LOG_TEXT_FIELD("why", a->message) : (struct log_field){ 0 });
}

static void answer_unreadable(struct webhook *w, struct http_exchange *x, const error *e)
{
	bool theirs = error_code(e) == ERROR_INVALID;
	log_warning("a request can't be answered", LOG_TEXT_FIELD("peer", arena_string(&x->arena, x->peer_address)),
		    LOG_ERROR_FIELD(e));
	counts_review(w->counts, "unreadable");
	respond(x, theirs ? 400 : 503, error_message(e));
}

struct job {
	struct webhook *webhook;
	struct http_exchange *x;
};

/* In a worker: a large pod takes a while to read. */
static void review(void *context)
{
	struct job job = *(struct job *)context; /* is in the exchange's arena */
	CLEANUP(review_answer_free) struct review_answer answer = { 0 };
	CLEANUP(error_free) error *e = review_answer(job.webhook->rules, job.x->body, &answer);
	if (e) {
		answer_unreadable(job.webhook, job.x, e);
		return;
	}
	log_answer(&answer);
	counts_review(job.webhook->counts, review_outcome_name(answer.outcome));
	http_respond(job.x, &(struct http_response){ .status = 200, .content_type = "application/json",
						     .owned_body = &answer.body });
}

static error *submit(struct webhook *w, struct http_exchange *x)
{
	struct job *job = arena_alloc(&x->arena, 1, sizeof *job);
	TRY_ALLOC(job);
	*job = (struct job){ w, x };
	return workers_submit(w->workers, review, job);
}

/* RFC 9110 section 8.3: parameters may follow. */
static bool is_json(const struct http_exchange *x)
{
	static const char json[] = "application/json";
	bytes type = http_header(x, "content-type");
	size_t size = sizeof json - 1;
	return type.size >= size && strncasecmp((const char *)type.data, json, size) == 0 &&
	       (type.size == size || strchr("; \t", type.data[size]));
}

static void mutate(struct webhook *w, struct http_exchange *x)
{
	if (!bytes_equal_string(x->method, "POST")) {
		refuse_method(x, "POST", "an AdmissionReview is expected: POST\n");
	} else if (!is_json(x)) {
		respond(x, 415, "an AdmissionReview as application/json is expected\n");
	} else {
		error *e = submit(w, x);
		if (e)
			respond(x, 503, "too many requests wait already\n");
		error_free(e);
	}
}

static void tell_health(struct webhook *w, struct http_exchange *x)
{
	(void)w;
	respond(x, 200, "ok\n");
}

/* With a certificate that has ended no API server speaks to us: let another replica be asked, and be seen. */
static void tell_readiness(struct webhook *w, struct http_exchange *x)
{
	if (atomic_load(&w->stopping))
		respond(x, 503, "stopping\n");
	else if (atomic_load(&w->files->not_after) <= clock_now())
		respond(x, 503, "the certificate has expired\n");
	else
		respond(x, 200, "ok\n");
}

void webhook_handle(void *context, struct http_exchange *x)
{
	static const struct {
		const char *path;
		void (*tell)(struct webhook *w, struct http_exchange *x);
	} documents[] = { { "/healthz", tell_health }, { "/readyz", tell_readiness } };
	bool reads = bytes_equal_string(x->method, "GET") || bytes_equal_string(x->method, "HEAD");
	if (bytes_equal_string(x->path, "/mutate")) {
		mutate(context, x);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		if (!bytes_equal_string(x->path, documents[i].path))
			continue;
		if (reads)
			documents[i].tell(context, x);
		else
			refuse_method(x, "GET, HEAD", "this can only be read: GET\n");
		return;
	}
	respond(x, 404, "there is no such document: /mutate, /healthz and /readyz are here\n");
}
