/* Activation against a simulated platform, without a network: every step's refusal, what a marble
 * gets, and threads that race for the last place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <ftw.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/hex.h"
#include "coordinator/coordinator.h"
#include "marblerun/sim.h"

#define OK(call) assert_ok((call), __LINE__)

enum { NOW = 1760000000 };

static void assert_ok(error *e, int line)
{
	if (e)
		fail_msg("line %d: %s", line, error_message(e));
}

static void refused(error *e, enum error_code code, const char *why)
{
	assert_non_null(e);
	if (!strstr(error_message(e), why))
		fail_msg("\"%s\" does not say \"%s\"", error_message(e), why);
	assert_int_equal(error_code(e), code);
	error_free(e);
}

/* A platform in a folder, a coordinator on it, and endorsements from it. */
struct world {
	char folder[64], program[96];
	struct marblerun_sim_program measured;
	marblerun_issuer *coordinator_issuer, *marble_issuer;
	marblerun_verifier *verifier;
	marblerun_collateral_set *collateral;
	struct san_list names;
	struct store *store;
	struct coordinator *coordinator;
	EVP_PKEY *key;
	struct blob certificate, csr;
};

static error *get(void *context, bytes evidence, const struct marblerun_collateral **ret, void **hold)
{
	struct world *w = context;
	(void)evidence;
	*ret = marblerun_collateral_of(w->collateral);
	*hold = NULL;
	return NULL;
}

static void release(void *context, void *hold)
{
	(void)context, (void)hold;
}

static void public_ok(int failed, const char *reason)
{
	if (failed)
		fail_msg("%s", reason);
}

static void read_collateral(struct world *w)
{
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_collateral_free(w->collateral);
	public_ok(marblerun_collateral_read(w->folder, &w->collateral, reason), reason);
}

static void open_platform(struct world *w)
{
	char reason[MARBLERUN_REASON_SIZE], root_path[96];
	CLEANUP(blob_free) struct blob root = { 0 };
	strcpy(w->folder, "/tmp/marblerun-test-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->program, sizeof w->program, "%s-program", w->folder);
	OK(file_replace(w->program, bytes_of_string("#!/bin/sh\n"), 0700));
	rmdir(w->folder);
	public_ok(marblerun_sim_create(w->folder, NOW, 365, reason), reason);
	public_ok(marblerun_sim_measure(w->folder, w->program, &w->measured, reason), reason);
	setenv("MARBLERUN_SIM_PLATFORM", w->folder, 1);
	public_ok(marblerun_issuer_open(NULL, &w->coordinator_issuer, reason), reason);
	public_ok(marblerun_issuer_open(w->program, &w->marble_issuer, reason), reason);
	w->verifier = marblerun_verifier_new();
	snprintf(root_path, sizeof root_path, "%s/root_ca.pem", w->folder);
	OK(file_read(root_path, 1 << 16, &root));
	public_ok(marblerun_verifier_trust_simulated(
			  w->verifier, (struct marblerun_bytes){ root.data, root.size }, reason), reason);
	read_collateral(w);
}

static void make_client(struct world *w)
{
	CLEANUP(X509_free) X509 *certificate = X509_new();
	X509_REQ *request = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	OK(key_generate(KEY_P256, 0, &w->key));
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, w->key);
	assert_true(X509_sign(certificate, w->key, EVP_sha256()) > 0);
	OK(certificate_der(certificate, &w->certificate));
	sk_X509_EXTENSION_push(extensions, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
							       "DNS:redis,IP:10.0.0.1"));
	X509_REQ_add_extensions(request, extensions);
	X509_REQ_set_pubkey(request, w->key);
	assert_true(X509_REQ_sign(request, w->key, EVP_sha256()) > 0);
	int size = i2d_X509_REQ(request, &w->csr.data);
	assert_true(size > 0);
	w->csr.size = (size_t)size;
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	open_platform(w);
	make_client(w);
	OK(san_add_list(&w->names, "localhost"));
	OK(store_open_memory(&w->store));
	struct coordinator_options options = {
		.store = w->store, .issuer = w->coordinator_issuer, .verifier = w->verifier,
		.endorsements = { w, get, release }, .names = &w->names,
	};
	OK(coordinator_open(&options, NOW, &w->coordinator));
	*state = w;
	return 0;
}

static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
	(void)s, (void)type, (void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	coordinator_close(w->coordinator);
	store_close(w->store);
	san_free(&w->names);
	EVP_PKEY_free(w->key);
	blob_free(&w->certificate);
	OPENSSL_free(w->csr.data);
	marblerun_collateral_free(w->collateral);
	marblerun_verifier_free(w->verifier);
	marblerun_issuer_free(w->marble_issuer);
	marblerun_issuer_free(w->coordinator_issuer);
	nftw(w->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	unlink(w->program);
	free(w);
	return 0;
}

/* Sets a manifest whose %s becomes the program's UniqueID. */
static error *set_manifest(struct world *w, const char *format)
{
	CLEANUP(writer_free) struct writer id = { 0 }, text = { 0 };
	CLEANUP(named_blobs_free) struct named_blobs recovery = { 0 };
	write_hex(&id, BYTES_OF_ARRAY(w->measured.unique_id));
	const char *hole = strstr(format, "%s");
	write_bytes(&text, bytes_of(format, (size_t)(hole - format)));
	write_bytes(&text, writer_view(&id));
	write_string(&text, hole + 2);
	return coordinator_set_manifest(w->coordinator, writer_view(&text), NOW, &recovery);
}

static const char simple[] =
	"{\"Packages\":{\"p\":{\"UniqueID\":\"%s\"}},"
	"\"Marbles\":{\"m\":{\"Package\":\"p\",\"MaxActivations\":3,\"Parameters\":{"
	"\"Files\":{\"/tmp/key\":\"{{ raw .Secrets.k }}\"},"
	"\"Env\":{\"K\":\"{{ hex .Secrets.k }}\",\"S\":\"{{ base64 .Secrets.shared }}\","
	"\"CERT\":\"{{ pem .MarbleRun.MarbleCert.Cert }}\"},\"Argv\":[\"./m\",\"-v\"]}},"
	"\"other\":{\"Package\":\"p\",\"Parameters\":{\"Env\":{\"K\":\"{{ hex .Secrets.k }}\","
	"\"S\":\"{{ base64 .Secrets.shared }}\"}}}},"
	"\"Secrets\":{\"k\":{\"Type\":\"symmetric-key\",\"Size\":256},"
	"\"shared\":{\"Type\":\"symmetric-key\",\"Size\":128,\"Shared\":true}}}";

struct evidence {
	uint8_t *data;
	size_t size;
};

static struct evidence issue(struct world *w, bytes certificate)
{
	uint8_t report_data[64] = { 0 };
	char reason[MARBLERUN_REASON_SIZE];
	struct evidence e = { 0 };
	SHA256(certificate.data, certificate.size, report_data);
	public_ok(marblerun_issue(w->marble_issuer, report_data, &e.data, &e.size, reason), reason);
	return e;
}

static struct activation_request request_of(struct world *w, struct evidence e, const char *type)
{
	return (struct activation_request){
		.evidence = bytes_of(e.data, e.size),
		.csr = blob_view(&w->csr),
		.marble_type = bytes_of_string(type),
		.uuid = bytes_of_string("0f8fad5b-d9cb-469f-a165-70867728950e"),
		.client_certificate = blob_view(&w->certificate),
	};
}

static bytes environment(const struct activation *a, const char *name)
{
	for (size_t i = 0; i < a->environment_count; i++)
		if (strcmp(a->environment[i].name, name) == 0)
			return secret_view(&a->environment[i].value);
	fail_msg("there is no %s", name);
	return BYTES_EMPTY;
}

static void gives_what_the_manifest_grants(void **state)
{
	struct world *w = *state;
	OK(set_manifest(w, simple));
	struct evidence e = issue(w, blob_view(&w->certificate));
	struct activation_request r = request_of(w, e, "m");
	CLEANUP(activation_free) struct activation first = { 0 }, second = { 0 }, third = { 0 };
	OK(coordinator_activate(w->coordinator, &r, NOW, &first));
	OK(coordinator_activate(w->coordinator, &r, NOW, &second));
	r.marble_type = bytes_of_string("other");
	OK(coordinator_activate(w->coordinator, &r, NOW, &third));
	assert_string_equal(first.uuid, "0f8fad5b-d9cb-469f-a165-70867728950e");
	assert_int_equal(first.file_count, 1);
	assert_int_equal(first.files[0].value.size, 32);
	assert_int_equal(environment(&first, "K").size, 64);
	assert_true(bytes_equal(environment(&first, "K"), environment(&second, "K")));
	assert_false(bytes_equal(environment(&first, "K"), environment(&third, "K")));
	assert_true(bytes_equal(environment(&first, "S"), environment(&third, "S")));
	assert_false(bytes_equal(environment(&first, "MARBLE_PREDEFINED_PRIVATE_KEY"),
				 environment(&second, "MARBLE_PREDEFINED_PRIVATE_KEY")));
	assert_int_equal(first.marble->arguments.count, 2);
	free(e.data);
}

static void refuses_at_each_step(void **state)
{
	struct world *w = *state;
	struct activation out;
	struct evidence e = issue(w, blob_view(&w->certificate));
	struct activation_request good = request_of(w, e, "m"), r = good;
	refused(coordinator_activate(w->coordinator, &r, NOW, &out), ERROR_WRONG_STATE,
		"cannot accept marbles");
	OK(set_manifest(w, simple));
	r.client_certificate = BYTES_EMPTY;
	refused(coordinator_activate(w->coordinator, &r, NOW, &out), ERROR_UNAUTHENTICATED,
		"no client certificate");
	r = good;
	r.marble_type = bytes_of("m\0x", 3);
	refused(coordinator_activate(w->coordinator, &r, NOW, &out), ERROR_DENIED, "unknown marble type");
	r = good;
	r.uuid = bytes_of_string("me");
	refused(coordinator_activate(w->coordinator, &r, NOW, &out), ERROR_INVALID, "invalid UUID");
	r = good;
	r.evidence = BYTES_EMPTY;
	refused(coordinator_activate(w->coordinator, &r, NOW, &out), ERROR_DENIED, "no evidence");
	r = good;
	r.csr = bytes_of_string("x");
	refused(coordinator_activate(w->coordinator, &r, NOW, &out), ERROR_INVALID, "CSR");
	r = good;
	r.client_certificate = blob_view(&w->csr);
	refused(coordinator_activate(w->coordinator, &r, NOW, &out), ERROR_DENIED,
		"not over this connection's certificate");
	e.data[100] ^= 1;
	refused(coordinator_activate(w->coordinator, &good, NOW, &out), ERROR_DENIED, "invalid evidence");
	free(e.data);
}

static void refuses_a_changed_program(void **state)
{
	struct world *w = *state;
	struct activation out;
	char reason[MARBLERUN_REASON_SIZE];
	OK(set_manifest(w, simple));
	OK(file_replace(w->program, bytes_of_string("#!/bin/sx\n"), 0700));
	marblerun_issuer_free(w->marble_issuer);
	public_ok(marblerun_issuer_open(w->program, &w->marble_issuer, reason), reason);
	struct evidence e = issue(w, blob_view(&w->certificate));
	struct activation_request r = request_of(w, e, "m");
	refused(coordinator_activate(w->coordinator, &r, NOW, &out), ERROR_DENIED, "UniqueID");
	free(e.data);
}

static void refuses_a_tcb_that_nobody_accepts(void **state)
{
	struct world *w = *state;
	struct activation out;
	char reason[MARBLERUN_REASON_SIZE];
	OK(set_manifest(w, simple));
	public_ok(marblerun_sim_set_tcb(w->folder, MARBLERUN_TCB_OUT_OF_DATE, NULL, 0, NOW, 365, reason),
		  reason);
	read_collateral(w);
	struct evidence e = issue(w, blob_view(&w->certificate));
	struct activation_request r = request_of(w, e, "m");
	refused(coordinator_activate(w->coordinator, &r, NOW, &out), ERROR_DENIED, "OutOfDate");
	free(e.data);
}

struct racer {
	struct world *w;
	struct evidence e;
	int admitted;
};

static void *race(void *context)
{
	struct racer *racer = context;
	struct activation_request r = request_of(racer->w, racer->e, "m");
	for (int i = 0; i < 5; i++) {
		CLEANUP(activation_free) struct activation a = { 0 };
		error *e = coordinator_activate(racer->w->coordinator, &r, NOW, &a);
		racer->admitted += !e;
		if (e && !strstr(error_message(e), "reached max activations"))
			racer->admitted = 1000;
		error_free(e);
	}
	return NULL;
}

static void two_never_take_the_last_place(void **state)
{
	struct world *w = *state;
	struct racer racers[4];
	pthread_t threads[4];
	int admitted = 0;
	OK(set_manifest(w, simple));
	struct evidence e = issue(w, blob_view(&w->certificate));
	for (int i = 0; i < 4; i++) {
		racers[i] = (struct racer){ w, e, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		admitted += racers[i].admitted;
	}
	assert_int_equal(admitted, 3);
	free(e.data);
}

static void refuses_manifests_whose_templates_cannot_run(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *env, *why;
	} bad[] = {
		{ "{{ hex .Secrets.absent }}", "secret does not exist" },
		{ "{{ raw .Secrets.k }}", "raw" },
		{ "{{ string .Secrets.k }}", "plain only" },
		{ "{{ pem .Secrets.k }}", "pem needs" },
		{ "{{ .Secrets.k }}", "not text" },
		{ "{{ hex .Secrets.k.Cert }}", "no such part" },
		{ "{{ hex .Secret.k }}", "there is no .Secret" },
		{ "{{ pem .MarbleRun.Root.Cert }}", "there is no .MarbleRun.Root" },
		{ "{{ hex .Secrets.k .Secrets.k }}", "takes one secret" },
		{ "{{ pem .MarbleRun.RootCA.Private }}", "no such part" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(writer_free) struct writer text = { 0 };
		write_format(&text, "{\"Packages\":{\"p\":{\"UniqueID\":\"%%s\"}},\"Marbles\":{\"m\":"
			     "{\"Package\":\"p\",\"Parameters\":{\"Env\":{\"E\":\"%s\"}}}},\"Secrets\":"
			     "{\"k\":{\"Type\":\"symmetric-key\",\"Size\":256}}}", bad[i].env);
		write_u8(&text, 0);
		error *e = set_manifest(w, (const char *)text.data);
		assert_non_null(e);
		assert_non_null(strstr(error_message(e), "Marbles: m: Env: E"));
		refused(e, ERROR_INVALID, bad[i].why);
	}
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(w->coordinator);
	assert_int_equal(mesh->state, STATE_ACCEPTING_MANIFEST);
}

static void the_statement_binds_root_and_nonce(void **state)
{
	struct world *w = *state;
	static const char nonce[] = "sixteen bytes or more";
	CLEANUP(statement_free) struct statement s = { 0 };
	CLEANUP(writer_free) struct writer bound = { 0 };
	struct marblerun_verdict verdict;
	uint8_t expected[32];
	OK(coordinator_attest(w->coordinator, bytes_of_string(nonce), &s));
	int failed = marblerun_verify(w->verifier,
				      (struct marblerun_bytes){ s.evidence.data, s.evidence.size },
				      marblerun_collateral_of(w->collateral), NOW, &verdict);
	public_ok(failed, verdict.reason);
	write_bytes(&bound, blob_view(&s.mesh->root_der));
	write_string(&bound, nonce);
	SHA256(bound.data, bound.size, expected);
	assert_memory_equal(verdict.claims.report_data, expected, 32);
	assert_true(verdict.claims.simulated);
	assert_true(s.collateral.size > 0);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(gives_what_the_manifest_grants),
		WITH_WORLD(refuses_at_each_step),
		WITH_WORLD(refuses_a_changed_program),
		WITH_WORLD(refuses_a_tcb_that_nobody_accepts),
		WITH_WORLD(two_never_take_the_last_place),
		WITH_WORLD(refuses_manifests_whose_templates_cannot_run),
		WITH_WORLD(the_statement_binds_root_and_nonce),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
