#include "testing.h"

#include "fake_coordinator.h"

#include "base/clock.h"
#include "marblerun/issue.h"
#include "marblerun/sim.h"
#include "net/tls.h"
#include "rpc.pb-c.h"

static void ok(int failed, const char *reason)
{
	if (failed)
		fail_msg("%s", reason);
}

void platform_make(void)
{
	char reason[MARBLERUN_REASON_SIZE], policy[256];
	struct marblerun_sim_program me;
	CLEANUP(writer_free) struct writer id = { 0 };
	if (access("platform", F_OK) != 0)
		ok(marblerun_sim_create("platform", clock_now() - 60, 30, reason), reason);
	CLEANUP_FREE char *path = realpath("platform", NULL);
	assert_non_null(path);
	setenv("MARBLERUN_SIM_PLATFORM", path, 1);
	ok(marblerun_sim_measure("platform", "/proc/self/exe", &me, reason), reason);
	for (size_t i = 0; i < sizeof me.unique_id; i++)
		write_format(&id, "%02x", me.unique_id[i]);
	snprintf(policy, sizeof policy, "{\"UniqueID\":\"%.64s\"}", (const char *)id.data);
	put("policy.json", policy, 0600);
}

void fake_ca(struct ca *ret)
{
	must(ca_create(&(struct san_list){ 0 }, KEY_P256, clock_now() - 60, ret));
}

static void issue(bytes root, bytes nonce, struct blob *ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	uint8_t report_data[64] = { 0 };
	marblerun_issuer *issuer;
	CLEANUP(writer_free) struct writer hashed = { 0 };
	write_bytes(&hashed, root);
	write_bytes(&hashed, nonce);
	EVP_Digest(hashed.data, hashed.size, report_data, NULL, EVP_sha256(), NULL);
	ok(marblerun_issuer_open(NULL, &issuer, reason), reason);
	ok(marblerun_issue(issuer, report_data, &ret->data, &ret->size, reason), reason);
	marblerun_issuer_free(issuer);
}

static void write_chain(const struct ca *ca, enum lie lie, struct blob *ret)
{
	CLEANUP(writer_free) struct writer pem = { 0 };
	must(certificate_write_pem(&pem, lie == LIE_ROOT_TWICE ? ca->root : ca->intermediate));
	if (lie != LIE_CHAIN_CUT)
		must(certificate_write_pem(&pem, ca->root));
	must(blob_of_writer(&pem, "chain", ret));
}

void statement_make(const struct ca *ca, const struct ca *other, bytes nonce, enum lie lie,
		    struct fake_statement *ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_collateral_set *set;
	struct ca shown = lie == LIE_RELAYED ? *other : *ca;
	if (lie == LIE_OTHER_ROOT)
		shown.root = other->root;
	*ret = (struct fake_statement){ 0 };
	must(certificate_der(shown.root, &ret->root_der));
	must(certificate_der(ca->marble_root, &ret->served_der));
	write_chain(&shown, lie, &ret->chain);
	if (lie == LIE_OTHER_NONCE)
		nonce = bytes_of_string("an older question");
	if (lie != LIE_NO_EVIDENCE)
		issue(blob_view(&ret->root_der), nonce, &ret->evidence);
	if (lie == LIE_DAMAGED_EVIDENCE)
		ret->evidence.data[100] ^= 1;
	ok(marblerun_collateral_read("platform", &set, reason), reason);
	ret->collateral = marblerun_collateral_print(marblerun_collateral_of(set));
	assert_non_null(ret->collateral);
	marblerun_collateral_free(set);
}

void statement_free(struct fake_statement *statement)
{
	blob_free(&statement->evidence);
	blob_free(&statement->chain);
	blob_free(&statement->root_der);
	blob_free(&statement->served_der);
	free(statement->collateral);
}

static ProtobufCBinaryData field(const struct blob *b)
{
	return (ProtobufCBinaryData){ b->size, b->data };
}

static void attest(void *context, struct grpc_call call)
{
	struct fake_coordinator *fake = context;
	struct fake_statement s;
	Rpc__AttestResp response;
	if (fake->attestations++ < fake->attest_refuse_first) {
		grpc_fail(call, error_new(ERROR_WRONG_STATE, "no manifest yet"));
		return;
	}
	Rpc__AttestReq *request = rpc__attest_req__unpack(NULL, call.message.size, call.message.data);
	assert_int_equal(request->nonce.len, 32);
	statement_make(&fake->ca, &fake->other, bytes_of(request->nonce.data, request->nonce.len),
		       fake->lie, &s);
	rpc__attest_resp__init(&response);
	response.quote = field(&s.evidence);
	response.certificatechain = field(&s.chain);
	response.collateral.data = (uint8_t *)s.collateral;
	response.collateral.len = strlen(s.collateral);
	uint8_t *packed = malloc(rpc__attest_resp__get_packed_size(&response));
	grpc_respond(call, bytes_of(packed, rpc__attest_resp__pack(&response, packed)));
	free(packed);
	statement_free(&s);
	rpc__attest_req__free_unpacked(request, NULL);
}

static void remember(struct fake_coordinator *fake, const Rpc__ActivationReq *request, bytes certificate)
{
	snprintf(fake->type, sizeof fake->type, "%s", request->marbletype);
	snprintf(fake->uuid, sizeof fake->uuid, "%s", request->uuid);
	blob_free(&fake->evidence);
	blob_free(&fake->request);
	must(blob_copy(bytes_of(request->quote.data, request->quote.len), &fake->evidence));
	must(blob_copy(bytes_of(request->csr.data, request->csr.len), &fake->request));
	EVP_Digest(certificate.data, certificate.size, fake->client_certificate_hash, NULL, EVP_sha256(),
		   NULL);
}

static void activate(void *context, struct grpc_call call)
{
	static const char granted[] = "\x0a\x0b\x12\x05\x0a\x01N\x12\x00\x1a\x02-a"; /* N is empty, argv -a */
	struct fake_coordinator *fake = context;
	if (fake->activations++ < fake->refuse_first) {
		grpc_fail(call, error_new(fake->refuse_code, "not for you"));
		return;
	}
	Rpc__ActivationReq *request =
		rpc__activation_req__unpack(NULL, call.message.size, call.message.data);
	remember(fake, request, call.exchange->peer_certificate);
	rpc__activation_req__free_unpacked(request, NULL);
	grpc_respond(call, bytes_of(granted, sizeof granted - 1));
}

static const struct grpc_method methods[] = {
	{ "/rpc.Marble/Attest", attest },
	{ "/rpc.Marble/Activate", activate },
};

static void handle(void *context, struct http_exchange *x)
{
	grpc_dispatch(methods, ARRAY_SIZE(methods), context, NULL, x);
}

static void *run(void *context)
{
	struct fake_coordinator *fake = context;
	error_free(loops_run(fake->loops));
	return NULL;
}

void fake_start(struct fake_coordinator *fake)
{
	static const char *const protocols[] = { "h2", NULL };
	fake_ca(&fake->ca);
	fake_ca(&fake->other);
	must(loops_new(1, &fake->loops));
	must(tls_server_new(TLS_CLIENT_AUTH_REQUIRED, false, protocols, &fake->tls));
	must(tls_server_set_identity(fake->tls, &fake->ca.marble_root, 1, fake->ca.intermediate_key));
	struct http_server_options options = { .address = "127.0.0.1:0", .tls = fake->tls,
					       .handler = handle, .context = fake };
	must(http_server_start(fake->loops, &options, &fake->server));
	snprintf(fake->address, sizeof fake->address, "127.0.0.1:%u", http_server_port(fake->server));
	assert_int_equal(pthread_create(&fake->thread, NULL, run, fake), 0);
}

void fake_stop(struct fake_coordinator *fake)
{
	loops_stop(fake->loops);
	pthread_join(fake->thread, NULL);
}

void fake_free(struct fake_coordinator *fake)
{
	http_server_free(fake->server);
	tls_server_free(fake->tls);
	loops_free(fake->loops);
	ca_free(&fake->ca);
	ca_free(&fake->other);
	blob_free(&fake->evidence);
	blob_free(&fake->request);
}
