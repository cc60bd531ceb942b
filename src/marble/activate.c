/* Activation: prepare once, then try until the coordinator answers for good. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "marble/backoff.h"
#include "marble/identity.h"
#include "marble/reason.h"
#include "marble/mark_file.h"
#include "marble/quiet_pipe.h"
#include "marble/rpc.h"
#include "marble/uuid_file.h"
#include "marblerun/coordinator.h"
#include "marblerun/issue.h"
#include "marblerun/marble.h"
#include "net/address.h"
#include "net/tls_chain.h"

enum { DEFAULT_TIMEOUT_S = 300, TRY_MAX_S = 60, FILE_MAX = 1 << 20, NONCE_SIZE = 32,
       REPORT_DATA_SIZE = 64 };

struct activation {
	const struct marblerun_activation_options *options;
	struct identity identity;
	char uuid[UUID_TEXT_SIZE];
	struct marblerun_bytes evidence; /* owned */
	marblerun_verifier *verifier;
	marblerun_policy *policy; /* for the coordinator; NULL: it is not verified */
	struct backoff backoff;
};

static void activation_free(struct activation *a)
{
	identity_free(&a->identity);
	free((void *)(uintptr_t)a->evidence.data);
	marblerun_verifier_free(a->verifier);
	marblerun_policy_free(a->policy);
}

static void collateral_free(marblerun_collateral_set *set)
{
	marblerun_collateral_free(set);
}
DEFINE_CLEANUP(collateral_free, marblerun_collateral_set *)

static void issuer_free(marblerun_issuer *issuer)
{
	marblerun_issuer_free(issuer);
}
DEFINE_CLEANUP(issuer_free, marblerun_issuer *)

static struct marblerun_bytes foreign(const struct blob *b)
{
	return (struct marblerun_bytes){ b->data, b->size };
}

static error *check_options(const struct marblerun_activation_options *o)
{
	char host[256], port[8];
	if (!o->coordinator_address || !o->type || !*o->type || !o->dns_names || !o->uuid_file)
		return error_new(ERROR_INVALID, "coordinator address, type, DNS names and UUID file are "
				 "needed");
	TRY_CTX(address_split(o->coordinator_address, host, port),
		"address of the coordinator (EDG_MARBLE_COORDINATOR_ADDR)");
	if (o->sim_root && !o->coordinator_policy)
		return error_new(ERROR_INVALID, "a simulated root for the coordinator "
				 "(EDG_MARBLE_COORDINATOR_SIM_ROOT) needs a policy for it "
				 "(EDG_MARBLE_COORDINATOR_POLICY)");
	return NULL;
}

static error *trust_simulated_root(struct activation *a)
{
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP(blob_free) struct blob root = { 0 };
	TRY_CTX(file_read(a->options->sim_root, FILE_MAX, &root),
		"simulated root of the coordinator (EDG_MARBLE_COORDINATOR_SIM_ROOT)");
	if (marblerun_verifier_trust_simulated(a->verifier, foreign(&root), reason) != 0)
		return error_new(ERROR_INVALID, "simulated root of the coordinator %s: %s",
				 a->options->sim_root, reason);
	return NULL;
}

static error *load_policy(struct activation *a)
{
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP(blob_free) struct blob text = { 0 };
	const char *path = a->options->coordinator_policy;
	if (!path)
		return NULL;
	TRY_CTX(file_read(path, FILE_MAX, &text),
		"policy for the coordinator (EDG_MARBLE_COORDINATOR_POLICY)");
	if (marblerun_policy_parse(text.data ? (const char *)text.data : "", text.size, &a->policy,
				   reason) != 0)
		return error_new(ERROR_INVALID, "policy for the coordinator %s: %s", path, reason);
	a->verifier = marblerun_verifier_new();
	TRY_ALLOC(a->verifier);
	return a->options->sim_root ? trust_simulated_root(a) : NULL;
}

static error *open_issuer(const struct activation *a, marblerun_issuer **ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	if (marblerun_issuer_open(a->options->program, ret, reason) == 0)
		return NULL;
	bool chosen = getenv("MARBLERUN_SIM_PLATFORM") != NULL;
	return error_new(ERROR_UNSUPPORTED, "%s%s", reason, chosen ? "" : "; without a TEE, choose a "
			 "simulated platform (MARBLERUN_SIM_PLATFORM=DIR, see marblerun sim init) or no "
			 "evidence at all (OE_SIMULATION=1)");
}

/* Evidence over the certificate of the connection: SHA-256 of its DER, padded with zeros. */
static error *issue_evidence(struct activation *a)
{
	char reason[MARBLERUN_REASON_SIZE];
	uint8_t report_data[REPORT_DATA_SIZE] = { 0 }, *evidence;
	size_t size;
	CLEANUP(issuer_free) marblerun_issuer *issuer = NULL;
	if (a->options->plain_simulation)
		return NULL;
	if (!EVP_Digest(a->identity.certificate_der.data, a->identity.certificate_der.size, report_data,
			NULL, EVP_sha256(), NULL))
		return error_new(ERROR_INTERNAL, "hashing the marble's certificate");
	TRY(open_issuer(a, &issuer));
	if (marblerun_issue(issuer, report_data, &evidence, &size, reason) != 0)
		return error_new(ERROR_INTERNAL, "issuing evidence (%s): %s",
				 marblerun_issuer_name(issuer), reason);
	a->evidence = (struct marblerun_bytes){ evidence, size };
	return NULL;
}

static error *prepare(struct activation *a)
{
	TRY(check_options(a->options));
	TRY(load_policy(a));
	TRY_CTX(uuid_file_load(a->options->uuid_file, a->uuid), "UUID file (EDG_MARBLE_UUID_FILE)");
	TRY_CTX(identity_create(a->options->dns_names, clock_now(), &a->identity),
		"names of the marble (EDG_MARBLE_DNS_NAMES)");
	return issue_evidence(a);
}

static error *connect_coordinator(const struct activation *a, struct grpc_client **ret)
{
	int64_t left_s = (backoff_left_ms(&a->backoff) + 999) / 1000;
	struct grpc_client_options options = {
		.address = a->options->coordinator_address,
		.certificate = a->identity.certificate,
		.key = a->identity.key,
		.timeout_s = left_s < 1 ? 1 : left_s > TRY_MAX_S ? TRY_MAX_S : (unsigned)left_s,
	};
	return grpc_client_connect(&options, ret);
}

static error *read_collateral(const struct attestation *shown, marblerun_collateral_set **ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	const struct blob *json = &shown->collateral;
	if (json->size && marblerun_collateral_parse((const char *)json->data, json->size, ret,
						     reason) != 0)
		return error_new(ERROR_DENIED, "the coordinator's endorsements: %s", reason);
	return NULL;
}

static error *check_statement(const struct activation *a, const struct attestation *shown,
			      const struct blob *peer, struct marblerun_bytes nonce)
{
	char reason[MARBLERUN_REASON_SIZE];
	struct marblerun_verdict verdict;
	CLEANUP(collateral_free) marblerun_collateral_set *collateral = NULL;
	TRY(read_collateral(shown, &collateral));
	struct marblerun_statement statement = {
		.evidence = foreign(&shown->evidence),
		.certificate_chain = foreign(&shown->certificate_chain),
		.nonce = nonce,
		.peer_certificate = foreign(peer),
		.channel = MARBLERUN_CHANNEL_MARBLE_API,
		.collateral = collateral ? marblerun_collateral_of(collateral) : NULL,
		.state = foreign(&shown->state),
	};
	if (marblerun_verify_coordinator(a->verifier, &statement, a->policy, clock_now(), &verdict,
					 reason) == 0)
		return NULL;
	bool unnamed = verdict.step == MARBLERUN_STEP_ROOT && !a->options->sim_root;
	return error_new(ERROR_DENIED, "%s%s", reason, unnamed ? "; if it is a simulated platform, name its "
			 "root (EDG_MARBLE_COORDINATOR_SIM_ROOT=FILE)" : "");
}

/* On this connection, with a fresh nonce, before anything is said about the marble. */
static error *verify_coordinator(const struct activation *a, struct grpc_client *client)
{
	uint8_t nonce[NONCE_SIZE];
	CLEANUP(attestation_free) struct attestation shown = { 0 };
	CLEANUP(blob_free) struct blob peer = { 0 };
	if (!a->policy)
		return NULL;
	TRY(random_fill(nonce, sizeof nonce));
	TRY(rpc_attest(client, BYTES_OF_ARRAY(nonce), &shown));
	TRY(tls_certificate_der(grpc_client_peer(client), &peer));
	return check_statement(a, &shown, &peer, (struct marblerun_bytes){ nonce, sizeof nonce });
}

static error *try_once(const struct activation *a, struct marblerun_parameters **ret)
{
	CLEANUP(grpc_client_free) struct grpc_client *client = NULL;
	CLEANUP(blob_free) struct blob mark = { 0 };
	CLEANUP(blob_free) struct blob new_mark = { 0 };
	struct activation_call call = {
		.evidence = bytes_of(a->evidence.data, a->evidence.size),
		.request = blob_view(&a->identity.request),
		.type = a->options->type,
		.uuid = a->uuid,
	};
	TRY(mark_file_load(a->options->uuid_file, &mark));
	call.state_mark = blob_view(&mark);
	call.enforces = a->options->enforces;
	TRY(connect_coordinator(a, &client));
	TRY_CTX(verify_coordinator(a, client), "coordinator %s", a->options->coordinator_address);
	TRY_CTX(rpc_activate(client, &call, ret, &new_mark), "coordinator %s",
		a->options->coordinator_address);
	/* A marble that can't keep it is let in all the same. */
	error_free(mark_file_store(a->options->uuid_file, blob_view(&new_mark)));
	return NULL;
}

/* *again: what is returned may have been mended by now, but time ran out. */
static error *activate(struct activation *a, struct marblerun_parameters **ret, bool *again)
{
	unsigned limit = a->options->timeout_s ? a->options->timeout_s : DEFAULT_TIMEOUT_S;
	*again = false;
	TRY(prepare(a));
	a->backoff = backoff_of_clock(limit);
	for (;;) {
		CLEANUP(error_free) error *e = try_once(a, ret);
		if (!e || error_code(e) != ERROR_UNAVAILABLE)
			return TAKE(e);
		*again = true;
		if (backoff_left_ms(&a->backoff) && a->options->waiting)
			a->options->waiting(a->options->context, error_message(e));
		if (!backoff_wait(&a->backoff))
			return error_wrap(TAKE(e), "gave up after %u seconds", limit);
		*again = false;
	}
}

int marblerun_activate(const struct marblerun_activation_options *options,
		       struct marblerun_parameters **ret, char reason[MARBLERUN_REASON_SIZE])
{
	struct activation a = { .options = options };
	bool again;
	struct quiet_pipe quiet = quiet_pipe_begin();
	int failed = reason_of_error(activate(&a, ret, &again), reason);
	activation_free(&a);
	quiet_pipe_end(&quiet);
	return failed && again ? 2 : failed;
}
