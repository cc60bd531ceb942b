#include "injector/serve.h"

#include <signal.h>

#include "injector/webhook.h"
#include "metrics/scrape.h"

enum {
	DRAIN_SECONDS = 20,    /* longer than an API server waits for a webhook by default */
	QUEUE_MAX = 256,
	LOOPS = 2,
	WORKERS = 2,           /* a review of 8 MiB can need much more while it is read */
	CONNECTIONS_MAX = 512, /* API servers, probes, and strangers */
	MEMORY_MAX = 64 << 20, /* for bodies under way */
	LOOK_AT_FILES_MS = 500,
};

/* Everything that lives as long as the process, in the order in which it is made. */
struct injector {
	const struct configuration *configuration;
	struct certificate_files files;
	struct counts counts;
	struct tls_server *tls;
	struct loops *loops;
	struct workers *workers;
	struct webhook webhook;
	struct http_server *server;
	struct scrape_server *metrics;
	struct event *terminate, *interrupt, *look, *delay;
	unsigned undrained;
	bool stopping, draining;
};

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void injector_free(struct injector *i)
{
	free_event(i->terminate);
	free_event(i->interrupt);
	free_event(i->look);
	free_event(i->delay);
	workers_free(i->workers);
	if (i->loops)
		loops_finish(i->loops);
	scrape_server_free(i->metrics);
	http_server_free(i->server);
	tls_server_free(i->tls);
	loops_free(i->loops);
	counts_free(&i->counts);
}
DEFINE_CLEANUP_IN_PLACE(injector_free, struct injector)

static error *open_tls(struct injector *i)
{
	static const char *const protocols[] = { "h2", "http/1.1", NULL };
	bool changed;
	TRY(tls_server_new(TLS_CLIENT_AUTH_REQUESTED, true, protocols, &i->tls));
	i->files = (struct certificate_files){ .certificate_path = i->configuration->certificate_file,
					       .key_path = i->configuration->key_file,
					       .tls = i->tls };
	TRY_CTX(certificate_files_refresh(&i->files, &changed), "certificate (-tlsCertFile, -tlsKeyFile)");
	return NULL;
}

/* Kubernetes puts a new pair in place by changing one link, so looking is enough, and works on every file system. */
static void look_at_files(evutil_socket_t none, short what, void *context)
{
	struct injector *i = context;
	bool changed;
	(void)none, (void)what;
	CLEANUP(error_free) error *e = certificate_files_refresh(&i->files, &changed);
	if (e)
		log_error("the certificate could not be renewed; the old one is used", LOG_ERROR_FIELD(e));
	else if (changed)
		log_info("the certificate is a new one",
			 LOG_NUMBER_FIELD("not_after", atomic_load(&i->files.not_after)));
}

static error *watch_files(struct injector *i)
{
	struct timeval interval = { 0, LOOK_AT_FILES_MS * 1000 };
	i->look = event_new(loops_base(i->loops, 0), -1, EV_PERSIST, look_at_files, i);
	return i->look && event_add(i->look, &interval) == 0 ? NULL : error_no_memory();
}

/* All in loop 0. */
static void drained(void *context)
{
	struct injector *i = context;
	if (--i->undrained == 0)
		loops_stop(i->loops);
}

static void drain(evutil_socket_t none, short what, void *context)
{
	struct injector *i = context;
	(void)none, (void)what;
	i->draining = true;
	i->undrained = i->metrics ? 2 : 1;
	http_server_stop(i->server, DRAIN_SECONDS, drained, i);
	if (i->metrics)
		scrape_server_stop(i->metrics, DRAIN_SECONDS, drained, i);
}

/* Until the API servers know that it is going, they still send reviews. */
static void stop(evutil_socket_t number, short what, void *context)
{
	struct injector *i = context;
	struct timeval delay = { (time_t)i->configuration->shutdown_delay_s, 0 };
	(void)what;
	if (i->stopping) {
		log_warning("stopping at once");
		loops_stop(i->loops);
		return;
	}
	log_info("stopping: finishing what is in flight", LOG_NUMBER_FIELD("signal", number));
	i->stopping = true;
	atomic_store(&i->webhook.stopping, true);
	evtimer_add(i->delay, &delay);
}

static error *watch_signals(struct injector *i)
{
	struct event_base *base = loops_base(i->loops, 0);
	signal(SIGPIPE, SIG_IGN);
	i->delay = evtimer_new(base, drain, i);
	i->terminate = evsignal_new(base, SIGTERM, stop, i);
	i->interrupt = evsignal_new(base, SIGINT, stop, i);
	if (!i->delay || !i->terminate || !i->interrupt || event_add(i->terminate, NULL) != 0 ||
	    event_add(i->interrupt, NULL) != 0)
		return error_no_memory();
	return NULL;
}

static error *open_webhook(struct injector *i)
{
	struct http_server_options options = { .address = i->configuration->address,
					       .tls = i->tls,
					       .limits = { .body_bytes = REVIEW_SIZE_MAX,
							   .memory_bytes = MEMORY_MAX,
							   .connections = CONNECTIONS_MAX },
					       .handler = webhook_handle,
					       .context = &i->webhook };
	TRY(workers_new(WORKERS, 0, QUEUE_MAX, &i->workers));
	i->webhook.rules = &i->configuration->rules;
	i->webhook.files = &i->files;
	i->webhook.counts = &i->counts;
	i->webhook.workers = i->workers;
	TRY_CTX(http_server_start(i->loops, &options, &i->server), "-addr");
	log_info("serving the webhook", LOG_TEXT_FIELD("address", options.address),
		 LOG_NUMBER_FIELD("port", http_server_port(i->server)));
	return NULL;
}

static void write_metrics(void *context, struct writer *w)
{
	metrics_write(context, w);
}

static error *open_metrics(struct injector *i)
{
	const char *address = i->configuration->metrics_address;
	if (!*address)
		return NULL;
	TRY(counts_new(&i->files, &i->counts));
	const struct scrape_document document = { "/metrics", "text/plain; version=0.0.4; charset=utf-8",
						  write_metrics, i->counts.table };
	TRY_CTX(scrape_server_start(i->loops, address, &document, 1, &i->metrics), "-metricsAddr");
	log_info("serving metrics", LOG_TEXT_FIELD("address", address),
		 LOG_NUMBER_FIELD("port", scrape_server_port(i->metrics)));
	return NULL;
}

error *injector_serve(const struct configuration *configuration)
{
	CLEANUP(injector_free) struct injector i = { .configuration = configuration };
	TRY(open_tls(&i));
	TRY(loops_new(LOOPS, &i.loops));
	TRY(watch_signals(&i)); /* before anybody can see that it is there */
	TRY(watch_files(&i));
	TRY(open_metrics(&i));
	TRY(open_webhook(&i));
	TRY(loops_run(i.loops));
	log_info("stopped");
	return NULL;
}
