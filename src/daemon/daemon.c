#include "daemon/daemon.h"

#include <signal.h>
#include <stdio.h>

#include "attest/issuer.h"
#include "base/clock.h"
#include "base/file.h"
#include "client_api/client_api.h"
#include "endorsements/folder.h"
#include "endorsements/service.h"
#include "endorsements/sources.h"
#include "daemon/monitoring.h"
#include "marble_api/marble_api.h"
#include "net/http_server.h"
#include "store/sealed.h"
#include "tpm/counter.h"

enum { DRAIN_SECONDS = 30, QUEUE_MAX = 4096, GIVES_WAY = 19 };

/* Everything that lives as long as the process, in the order in which it is made. */
struct daemon {
	const struct configuration *configuration;
	marblerun_issuer *issuer;
	marblerun_verifier *verifier;
	struct endorsement_folder *simulated, *folder;
	struct endorsement_service *service;
	struct endorsement_sources sources;
	struct san_list names;
	struct store *store;
	struct tpm_counter *tpm;
	struct hardware_counter counter;
	struct loops *loops;
	struct workers *fast, *slow;
	struct tls_server *client_tls, *marble_tls;
	struct coordinator *coordinator;
	struct monitoring monitoring;
	struct client_api client_api;
	struct marble_api marble_api;
	struct http_server *client_server, *marble_server;
	struct event *terminate, *interrupt;
	int undrained;
};

static void daemon_free(struct daemon *d)
{
	if (d->terminate)
		event_free(d->terminate);
	if (d->interrupt)
		event_free(d->interrupt);
	workers_free(d->fast);
	workers_free(d->slow);
	if (d->loops)
		loops_finish(d->loops);
	monitoring_free(&d->monitoring);
	http_server_free(d->client_server);
	http_server_free(d->marble_server);
	coordinator_close(d->coordinator);
	tls_server_free(d->client_tls);
	tls_server_free(d->marble_tls);
	loops_free(d->loops);
	store_close(d->store);
	tpm_counter_close(d->tpm);
	san_free(&d->names);
	endorsement_folder_close(d->simulated);
	endorsement_folder_close(d->folder);
	endorsement_service_close(d->service);
	marblerun_verifier_free(d->verifier);
	marblerun_issuer_free(d->issuer);
}
DEFINE_CLEANUP_IN_PLACE(daemon_free, struct daemon)

/* A simulated platform vouches for itself and its marbles, and for nobody else: it was named. */
static error *trust_platform(struct daemon *d, const char *platform)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP(blob_free) struct blob root = { 0 };
	char reason[MARBLERUN_REASON_SIZE];
	if (asprintf(&path, "%s/root_ca.pem", platform) < 0) {
		path = NULL;
		return error_no_memory();
	}
	TRY(file_read(path, 1 << 16, &root));
	struct marblerun_bytes text = { root.data, root.size };
	if (marblerun_verifier_trust_simulated(d->verifier, text, reason) != 0)
		return error_new(ERROR_INVALID, "%s: %s", path, reason);
	log_warning("SIMULATED platform: evidence is checked, but protects nothing",
		    LOG_TEXT_FIELD("platform", platform));
	/* The platform's own come last: whoever names others wants them to be used. */
	return endorsement_folder_open(platform, &d->simulated);
}

static void add_source(struct daemon *d, struct endorsements source)
{
	d->sources.items[d->sources.count++] = source;
}

/* Where endorsements come from, in this order. */
static error *open_endorsements(struct daemon *d)
{
	const struct configuration *c = d->configuration;
	if (c->collateral_folder) {
		TRY_CTX(endorsement_folder_open(c->collateral_folder, &d->folder), "MARBLERUN_COLLATERAL_DIR");
		add_source(d, endorsement_folder_use(d->folder));
	}
	if (c->pccs || c->kds) {
		struct endorsement_service_options options = { c->pccs, c->kds, NULL };
		TRY(endorsement_service_open(&options, &d->service));
		add_source(d, endorsement_service_use(d->service));
	}
	if (d->simulated)
		add_source(d, endorsement_folder_use(d->simulated));
	return NULL;
}

static error *open_tee(struct daemon *d)
{
	char reason[MARBLERUN_REASON_SIZE];
	d->verifier = marblerun_verifier_new();
	TRY_ALLOC(d->verifier);
	const char *real_tee = issuer_real_tee(&real_kernel);
	if (d->configuration->plain_simulation && real_tee)
		return error_new(ERROR_INVALID, "OE_SIMULATION=1 is set, but this process runs in a real TEE (%s): "
				 "unset it", real_tee);
	if (d->configuration->plain_simulation) {
		log_warning("OE_SIMULATION=1: no evidence is issued and none is asked for");
		return NULL;
	}
	if (marblerun_issuer_open(NULL, &d->issuer, reason) != 0)
		return error_new(ERROR_UNAVAILABLE, "this machine offers no way to attest: %s%s", reason,
				 d->configuration->simulated_platform ? "" : ". To try without hardware, make a "
				 "simulated platform (marblerun sim init DIR) and set MARBLERUN_SIM_PLATFORM=DIR");
	log_info("attesting", LOG_TEXT_FIELD("tee", marblerun_issuer_name(d->issuer)));
	const char *platform = marblerun_issuer_sim_platform(d->issuer);
	return platform ? trust_platform(d, platform) : NULL;
}

static error *set_client_identity(struct daemon *d, const struct mesh *mesh)
{
	X509 *chain[] = { mesh->ca.root };
	return tls_server_set_identity(d->client_tls, chain, 1, mesh->ca.root_key);
}

static error *set_marble_identity(struct daemon *d, const struct mesh *mesh)
{
	X509 *chain[] = { mesh->ca.marble_root };
	return tls_server_set_identity(d->marble_tls, chain, 1, mesh->ca.intermediate_key);
}

static void identity_changed(void *context, const struct mesh *mesh)
{
	error *e = set_client_identity(context, mesh);
	if (!e)
		e = set_marble_identity(context, mesh);
	if (e)
		log_error("a server could not take its new certificate", LOG_ERROR_FIELD(e));
	error_free(e);
}

static error *open_tls(struct daemon *d)
{
	static const char *const client_protocols[] = { "h2", "http/1.1", NULL };
	static const char *const marble_protocols[] = { "h2", NULL };
	TRY(tls_server_new(TLS_CLIENT_AUTH_REQUESTED, true, client_protocols, &d->client_tls));
	return tls_server_new(TLS_CLIENT_AUTH_REQUIRED, true, marble_protocols, &d->marble_tls);
}

/* Empty where the platform has none of that kind (TDX): then recovery opens the state. */
static error *sealing_key(struct daemon *d, enum sealing_kind kind, struct secret *ret)
{
	error *e = issuer_sealing_key(d->issuer, kind, ret);
	if (!e || error_code(e) != ERROR_UNSUPPORTED)
		return e;
	log_info("no sealing key of this kind", LOG_TEXT_FIELD("why", error_message(e)));
	error_free(e);
	return NULL;
}

/* The platform's keys for this program. Plain simulation has no platform: its state is sealed with a key that
 * anybody knows, so that everything else about it is as on a TEE. */
static error *read_sealing_keys(struct daemon *d, struct secret *product, struct secret *unique)
{
	static const uint8_t nobodys[32] = "plain simulation seals nothing";
	if (!d->issuer) {
		TRY(secret_copy(BYTES_OF_ARRAY(nobodys), product));
		return secret_copy(BYTES_OF_ARRAY(nobodys), unique);
	}
	TRY(sealing_key(d, SEALING_PRODUCT, product));
	return sealing_key(d, SEALING_UNIQUE, unique);
}

static error *open_store(struct daemon *d)
{
	CLEANUP(secret_free) struct secret product = { 0 };
	CLEANUP(secret_free) struct secret unique = { 0 };
	TRY(read_sealing_keys(d, &product, &unique));
	struct sealed_options options = { d->configuration->seal_folder, secret_view(&product),
					  secret_view(&unique), NULL };
	TRY_CTX(store_open_sealed(&options, &d->store), "sealed state (EDG_COORDINATOR_SEAL_DIR)");
	return NULL;
}

static error *counter_provision(void *context, bytes auth, uint32_t *ret_index)
{
	return tpm_counter_provision(context, auth, ret_index);
}

static error *counter_use(void *context, uint32_t index, bytes auth)
{
	return tpm_counter_use(context, index, auth);
}

static error *counter_read(void *context, uint64_t *ret)
{
	return tpm_counter_read(context, ret);
}

static error *counter_increment(void *context)
{
	return tpm_counter_increment(context);
}

static error *open_tpm(struct daemon *d)
{
	if (!d->configuration->tpm)
		return NULL;
	TRY_CTX(tpm_counter_open(d->configuration->tpm, &d->tpm), "MARBLERUN_TPM");
	d->counter = (struct hardware_counter){ d->tpm, counter_provision, counter_use, counter_read,
						counter_increment };
	return NULL;
}

static error *open_coordinator(struct daemon *d)
{
	TRY_CTX(san_add_list(&d->names, d->configuration->dns_names), "EDG_COORDINATOR_DNS_NAMES");
	TRY(open_store(d));
	TRY(open_tpm(d));
	struct coordinator_options options = {
		.store = d->store,
		.issuer = d->issuer,
		.verifier = d->verifier,
		.endorsements = endorsement_sources_use(&d->sources),
		.counter = d->tpm ? &d->counter : NULL,
		.names = &d->names,
		.identity_changed = identity_changed,
		.identity_context = d,
	};
	TRY(coordinator_open(&options, clock_now(), &d->coordinator));
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(d->coordinator);
	if (mesh->state == STATE_RECOVERY)
		log_warning("waiting for recovery", LOG_TEXT_FIELD("why", mesh_status_text(mesh)));
	return NULL;
}

static error *set_startup_manifest(struct daemon *d)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	CLEANUP(named_blobs_free) struct named_blobs recovery = { 0 };
	const char *path = d->configuration->startup_manifest;
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(d->coordinator);
	if (!path || mesh->manifest)
		return NULL;
	/* Giving up a state is for people to decide, not for whoever moved it to another machine. */
	if (mesh->state == STATE_RECOVERY) {
		log_warning("the startup manifest is not set: the state waits for recovery",
			    LOG_TEXT_FIELD("path", path));
		return NULL;
	}
	TRY_CTX(file_read(path, MANIFEST_SIZE_MAX, &text), "EDG_STARTUP_MANIFEST");
	TRY_CTX(coordinator_set_manifest(d->coordinator, blob_view(&text), clock_now(), &recovery),
		"EDG_STARTUP_MANIFEST: %s", path);
	log_info("startup manifest set", LOG_TEXT_FIELD("path", path));
	return NULL;
}

static error *open_workers(struct daemon *d)
{
	TRY(loops_new(0, &d->loops));
	TRY(workers_new(loops_count(d->loops), 0, QUEUE_MAX, &d->fast));
	return workers_new(loops_count(d->loops), GIVES_WAY, QUEUE_MAX, &d->slow);
}

static error *open_servers(struct daemon *d)
{
	d->client_api = (struct client_api){ d->coordinator, d->fast, d->slow, d->monitoring.client_counts };
	d->marble_api = (struct marble_api){ d->coordinator, d->fast, d->slow, d->monitoring.marble_counts,
					     d->monitoring.events };
	struct http_server_options client = { .address = d->configuration->client_address,
					      .tls = d->client_tls,
					      .handler = client_api_handle,
					      .context = &d->client_api };
	struct http_server_options marble = { .address = d->configuration->mesh_address,
					      .tls = d->marble_tls,
					      .limits = { .body_bytes = MARBLE_API_REQUEST_MAX },
					      .handler = marble_api_handle,
					      .context = &d->marble_api };
	/* A manifest in base64 inside JSON. */
	client.limits.body_bytes = MANIFEST_SIZE_MAX / 3 * 4 + 4096;
	TRY_CTX(http_server_start(d->loops, &client, &d->client_server), "client API (EDG_COORDINATOR_CLIENT_ADDR)");
	TRY_CTX(http_server_start(d->loops, &marble, &d->marble_server), "marble API (EDG_COORDINATOR_MESH_ADDR)");
	log_info("serving the client API", LOG_TEXT_FIELD("address", client.address),
		 LOG_NUMBER_FIELD("port", http_server_port(d->client_server)));
	log_info("serving the marble API", LOG_TEXT_FIELD("address", marble.address),
		 LOG_NUMBER_FIELD("port", http_server_port(d->marble_server)));
	return NULL;
}

static error *open_monitoring(struct daemon *d)
{
	const char *address = d->configuration->metrics_address;
	if (!address)
		return NULL;
	TRY(monitoring_open(d->coordinator, d->store, &d->monitoring));
	TRY_CTX(monitoring_serve(&d->monitoring, d->loops, address), "EDG_COORDINATOR_PROMETHEUS_ADDR");
	log_info("serving metrics and events", LOG_TEXT_FIELD("address", address),
		 LOG_NUMBER_FIELD("port", scrape_server_port(d->monitoring.server)));
	return NULL;
}

static void drained(void *context)
{
	struct daemon *d = context;
	if (__atomic_sub_fetch(&d->undrained, 1, __ATOMIC_ACQ_REL) == 0)
		loops_stop(d->loops);
}

static void stop(evutil_socket_t number, short what, void *context)
{
	struct daemon *d = context;
	(void)what;
	if (__atomic_load_n(&d->undrained, __ATOMIC_ACQUIRE)) {
		log_warning("stopping at once");
		loops_stop(d->loops);
		return;
	}
	log_info("stopping: finishing what is in flight", LOG_NUMBER_FIELD("signal", number));
	__atomic_store_n(&d->undrained, d->monitoring.server ? 3 : 2, __ATOMIC_RELEASE);
	http_server_stop(d->client_server, DRAIN_SECONDS, drained, d);
	http_server_stop(d->marble_server, DRAIN_SECONDS, drained, d);
	if (d->monitoring.server)
		scrape_server_stop(d->monitoring.server, DRAIN_SECONDS, drained, d);
}

static error *watch_signals(struct daemon *d)
{
	struct event_base *base = loops_base(d->loops, 0);
	signal(SIGPIPE, SIG_IGN);
	d->terminate = evsignal_new(base, SIGTERM, stop, d);
	d->interrupt = evsignal_new(base, SIGINT, stop, d);
	if (!d->terminate || !d->interrupt || event_add(d->terminate, NULL) != 0 ||
	    event_add(d->interrupt, NULL) != 0)
		return error_no_memory();
	return NULL;
}

error *daemon_run(const struct configuration *configuration)
{
	CLEANUP(daemon_free) struct daemon d = { .configuration = configuration };
	TRY(open_tee(&d));
	TRY(open_endorsements(&d));
	TRY(open_workers(&d));
	TRY(open_tls(&d));
	TRY(open_coordinator(&d));
	TRY(set_startup_manifest(&d));
	TRY(watch_signals(&d)); /* before anybody can see that it is there */
	TRY(open_monitoring(&d));
	TRY(open_servers(&d));
	TRY(loops_run(d.loops));
	log_info("stopped");
	return NULL;
}
