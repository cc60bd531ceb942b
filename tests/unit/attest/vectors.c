/* Evidence from real machines gives the verdict that its origin asserts, and nothing near it passes.
 * Each folder of tests/vectors has an origin.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/file.h"
#include "marblerun/verify.h"

struct vector {
	const char *folder, *evidence;
	int64_t at;
	enum marblerun_tcb_status status;
	bool debug;
	const char *advisories; /* in order, comma-separated */
};

static const struct vector vectors[] = {
	{ "sgx/phala-00a067110000-cfg-and-sw-hardening", "quote.bin", 1750809600,
	  MARBLERUN_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED, false, "INTEL-SA-00289,INTEL-SA-00615" },
	{ "sgx/teepot-azure-00606a000000-sw-hardening-pemcrl", "quote.bin", 1684165303,
	  MARBLERUN_TCB_SW_HARDENING_NEEDED, false, "INTEL-SA-00615" },
	{ "sgx/teepot-vault-00606a000000-debug-sw-hardening", "quote.bin", 1687346037,
	  MARBLERUN_TCB_SW_HARDENING_NEEDED, true, "INTEL-SA-00615" },
	{ "sgx/automata-00606a000000-2025-08", "quote.bin", 1755236700,
	  MARBLERUN_TCB_SW_HARDENING_NEEDED, false, "INTEL-SA-00615" },
	{ "sgx/cmc-c0806f000000-2026-03", "quote.bin", 1773964800, MARBLERUN_TCB_OUT_OF_DATE, false,
	  "INTEL-SA-01079,INTEL-SA-01103,INTEL-SA-01111" },
	{ "snp/trustee-azure-genoa-v3", "report.bin", 1748736000, MARBLERUN_TCB_UP_TO_DATE, false, "" },
	{ "snp/virtee-milan-v2", "report.bin", 1704067200, MARBLERUN_TCB_UP_TO_DATE, false, "" },
	{ "snp/enarx-milan-v2-csr-with-crl", "report.bin", 1675209600, MARBLERUN_TCB_UP_TO_DATE, false, "" },
	{ "snp/dstack-milan-v3", "report.bin", 1781913600, MARBLERUN_TCB_OUT_OF_DATE, false, "" },
	{ "snp/automata-milan-v2-2024", "report.bin", 1733011200, MARBLERUN_TCB_UP_TO_DATE, false, "" },
	{ "tdx/phala-v4-b0c06f000000-uptodate", "quote.bin", 1750809600, MARBLERUN_TCB_UP_TO_DATE, false, "" },
	{ "tdx/automata-alibaba-v5-td15-90c06f000000-2025-06", "quote.bin", 1749945600, MARBLERUN_TCB_UP_TO_DATE,
	  false, "" },
	{ "tdx/cmc-v4-c0806f000000-2026-03", "quote.bin", 1773964800, MARBLERUN_TCB_OUT_OF_DATE, false,
	  "INTEL-SA-01010,INTEL-SA-01036,INTEL-SA-01076,INTEL-SA-01079,INTEL-SA-01099,INTEL-SA-01103,"
	  "INTEL-SA-01111" },
};

struct loaded {
	const struct vector *vector;
	int64_t at;
	struct blob evidence;
	marblerun_collateral_set *set;
	struct marblerun_collateral collateral; /* views that a test may exchange */
	marblerun_verifier *verifier;
};

static char *path_of(const struct vector *v, const char *file)
{
	char *path = NULL;
	assert_true(asprintf(&path, "%s/%s%s%s", VECTORS, v->folder, file ? "/" : "", file ? file : "") > 0);
	return path;
}

static struct loaded load(const struct vector *v)
{
	struct loaded l = { .vector = v, .at = v->at };
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP_FREE char *folder = path_of(v, NULL), *file = path_of(v, v->evidence);
	assert_null(file_read(file, 1 << 20, &l.evidence));
	if (marblerun_collateral_read(folder, &l.set, reason) != 0)
		fail_msg("%s", reason);
	l.collateral = *marblerun_collateral_of(l.set);
	l.verifier = marblerun_verifier_new();
	return l;
}

static void unload(struct loaded *l)
{
	blob_free(&l->evidence);
	marblerun_collateral_free(l->set);
	marblerun_verifier_free(l->verifier);
}

static const struct marblerun_verdict *verify(struct loaded *l)
{
	static struct marblerun_verdict verdict;
	struct marblerun_bytes evidence = { l->evidence.data, l->evidence.size };
	int failed = marblerun_verify(l->verifier, evidence, &l->collateral, l->at, &verdict);
	assert_int_equal(failed, !verdict.genuine);
	return &verdict;
}

static void join(const struct marblerun_verdict *v, char *to, size_t size)
{
	to[0] = 0;
	for (size_t i = 0; i < v->advisory_count; i++)
		snprintf(to + strlen(to), size - strlen(to), "%s%s", i ? "," : "", v->advisories[i]);
}

static void each_gives_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct loaded l = load(&vectors[i]);
		char advisories[1024];
		const struct marblerun_verdict *v = verify(&l);
		if (!v->genuine)
			fail_msg("%s: %s: %s", vectors[i].folder, marblerun_step_name(v->step), v->reason);
		assert_string_equal(marblerun_tcb_status_name(v->tcb_status),
				    marblerun_tcb_status_name(vectors[i].status));
		assert_int_equal(v->claims.debug, vectors[i].debug);
		assert_false(v->claims.simulated);
		join(v, advisories, sizeof advisories);
		assert_string_equal(advisories, vectors[i].advisories);
		assert_true(v->valid_from <= l.at && l.at <= v->valid_until);
		/* the second look comes from the cache and says the same */
		assert_true(verify(&l)->genuine);
		unload(&l);
	}
}

/* Just outside of the window that the verdict names, it is refused. */
static void the_window_is_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct loaded l = load(&vectors[i]);
		const struct marblerun_verdict *v = verify(&l);
		int64_t from = v->valid_from, until = v->valid_until;
		l.at = from - 1;
		assert_non_null(strstr(verify(&l)->reason, "not valid yet"));
		l.at = until + 1;
		assert_non_null(strstr(verify(&l)->reason, "expired"));
		l.at = from;
		assert_true(verify(&l)->genuine);
		l.at = until;
		assert_true(verify(&l)->genuine);
		unload(&l);
	}
}

/* ---- a changed bit anywhere in the evidence ---- */

#define STEP(name) (1u << MARBLERUN_STEP_##name)

/* Parts of evidence, one after the other, and at which steps a change of theirs may be seen. */
struct part {
	size_t size;
	unsigned steps;
};

static size_t put_parts(struct part *to, size_t count, const struct part *from, size_t more)
{
	memcpy(to + count, from, more * sizeof *from);
	return count + more;
}

/* Intel, "SGX ECDSA Quote Library API", appendix A.4; the same with TDX's bodies, and nested, from version 4 on. */
static size_t parts_of_quote(bytes quote, struct part parts[40])
{
	const struct part header[] = { { 8, STEP(FORMAT) | STEP(SIGNATURE) }, { 4, STEP(SIGNATURE) },
				       { 16, STEP(FORMAT) }, { 20, STEP(SIGNATURE) } };
	const struct part descriptor[] = { { 6, STEP(FORMAT) } };
	const struct part body[] = { { quote.data[0] == 3 ? 384 : quote.data[48] == 3 && quote.data[0] == 5 ? 648 : 584,
				       STEP(SIGNATURE) } };
	const struct part signature[] = { { 4, STEP(FORMAT) }, { 64, STEP(SIGNATURE) }, { 64, STEP(QUOTING_ENCLAVE) } };
	const struct part nesting[] = { { 6, STEP(FORMAT) } };
	const struct part enclave[] = { { 384 + 64, STEP(QUOTING_ENCLAVE) },
					{ 2, STEP(FORMAT) | STEP(ENDORSEMENTS) | STEP(QUOTING_ENCLAVE) },
					{ 32, STEP(QUOTING_ENCLAVE) }, { 2, STEP(ENDORSEMENTS) },
					{ 4, STEP(FORMAT) },
					{ SIZE_MAX, STEP(ENDORSEMENTS) | STEP(CERTIFICATES) | STEP(ROOT) } };
	size_t count = put_parts(parts, 0, header, ARRAY_SIZE(header));
	if (quote.data[0] == 5)
		count = put_parts(parts, count, descriptor, 1);
	count = put_parts(parts, count, body, 1);
	count = put_parts(parts, count, signature, ARRAY_SIZE(signature));
	if (quote.data[0] > 3)
		count = put_parts(parts, count, nesting, 1);
	return put_parts(parts, count, enclave, ARRAY_SIZE(enclave));
}

/* AMD document 56860, table "ATTESTATION_REPORT Structure"; what follows the signature's numbers means nothing. */
static size_t parts_of_report(struct part parts[40])
{
	static const struct part report[] = {
		{ 4, STEP(FORMAT) | STEP(SIGNATURE) }, { 0x30 - 4, STEP(SIGNATURE) },
		{ 8, STEP(FORMAT) | STEP(SIGNATURE) }, { 0x10, STEP(SIGNATURE) },
		{ 1, STEP(CERTIFICATES) | STEP(SIGNATURE) }, { 0x2a0 - 0x49, STEP(SIGNATURE) },
		{ 144, STEP(FORMAT) | STEP(SIGNATURE) },
	};
	return put_parts(parts, 0, report, ARRAY_SIZE(report));
}

static void change_a_bit(struct loaded *l, size_t at, unsigned steps)
{
	uint8_t bit = (uint8_t)(1 << at % 8);
	l->evidence.data[at] ^= bit;
	const struct marblerun_verdict *v = verify(l);
	if (v->genuine || !(steps & 1u << v->step) || !v->reason[0])
		fail_msg("%s: byte %zu changed: %s: %s", l->vector->folder, at, marblerun_step_name(v->step),
			 v->reason);
	l->evidence.data[at] ^= bit;
}

/* PEM may be wrapped otherwise, and what is around its blocks is anything. */
static bool is_free_text(const struct loaded *l, size_t at, size_t size)
{
	uint8_t c = l->evidence.data[at];
	return c <= ' ' || c == '-' || at + 80 > size || memchr(l->evidence.data + at, '-', 40) ||
	       memchr(l->evidence.data + at - 40, '-', 40);
}

static void no_signed_byte_may_change(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(vectors); n++) {
		struct loaded l = load(&vectors[n]);
		struct part parts[40];
		size_t at = 0, size = l.evidence.size - verify(&l)->claims.padding;
		bool snp = l.collateral.vcek.size > 0;
		bool thorough = n == 0 || n == 5 || n == 10 || n == 11; /* one of each form */
		size_t count = snp ? parts_of_report(parts) : parts_of_quote(blob_view(&l.evidence), parts);
		for (size_t p = 0; p < count; p++) {
			bool chain = parts[p].size == SIZE_MAX;
			size_t end = chain ? size : at + parts[p].size, stride = chain ? 29 : thorough ? 1 : 7;
			for (; at < end; at += stride)
				if (!chain || !is_free_text(&l, at, size))
					change_a_bit(&l, at, parts[p].steps);
			at = end;
		}
		assert_true(verify(&l)->genuine);
		unload(&l);
	}
}

static void nothing_shorter_passes(void **state)
{
	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(vectors); n++) {
		struct loaded l = load(&vectors[n]);
		/* the quotes may be padded: find what is declared */
		size_t declared = l.evidence.size - verify(&l)->claims.padding;
		for (size_t size = 0; size < declared; size++) {
			/* exactly sized memory, so that reading past it shows under a sanitizer */
			CLEANUP(blob_free) struct blob copy = { 0 };
			assert_null(blob_copy(bytes_of(l.evidence.data, size), &copy));
			struct marblerun_verdict v;
			struct marblerun_bytes cut = { copy.data, copy.size };
			assert_int_equal(marblerun_verify(l.verifier, cut, &l.collateral, l.at, &v), 1);
			assert_int_equal(v.step, MARBLERUN_STEP_FORMAT);
		}
		unload(&l);
	}
}

/* ---- endorsements that are not what was signed ---- */

struct document {
	struct marblerun_bytes *place;
	unsigned steps; /* at which a change of its content may be seen */
};

static size_t documents_of(struct loaded *l, struct document to[6])
{
	struct marblerun_collateral *c = &l->collateral;
	const struct document intel[] = {
		{ &c->tcb_info, STEP(TCB_INFO) },
		{ &c->tcb_info_issuer_chain, STEP(TCB_INFO) | STEP(ENDORSEMENTS) },
		{ &c->qe_identity, STEP(QUOTING_ENCLAVE) },
		{ &c->qe_identity_issuer_chain, STEP(QUOTING_ENCLAVE) | STEP(ENDORSEMENTS) },
		{ &c->pck_crl, STEP(REVOCATION) },
		{ &c->root_ca_crl, STEP(REVOCATION) },
	};
	const struct document amd[] = {
		{ &c->vcek, STEP(CERTIFICATES) | STEP(ENDORSEMENTS) },
		{ &c->ask, STEP(CERTIFICATES) | STEP(ENDORSEMENTS) },
		{ &c->ark, STEP(CERTIFICATES) | STEP(ENDORSEMENTS) | STEP(ROOT) },
		{ &c->crl, STEP(REVOCATION) },
	};
	if (!c->vcek.size) {
		memcpy(to, intel, sizeof intel);
		return ARRAY_SIZE(intel);
	}
	memcpy(to, amd, sizeof amd);
	return c->crl.size ? 4 : 3;
}

static void expect_steps(struct loaded *l, unsigned steps, const char *what, size_t document, size_t at)
{
	const struct marblerun_verdict *v = verify(l);
	if (v->genuine || !(steps & 1u << v->step))
		fail_msg("%s: document %zu %s %zu: %s: %s", l->vector->folder, document, what, at,
			 marblerun_step_name(v->step), v->reason);
}

static void documents_are_signed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct loaded l = load(&vectors[i]);
		struct document documents[6];
		size_t count = documents_of(&l, documents);
		for (size_t n = 0; n < count; n++) {
			struct marblerun_bytes genuine = *documents[n].place;
			CLEANUP(blob_free) struct blob copy = { 0 };
			assert_null(blob_copy(bytes_of(genuine.data, genuine.size), &copy));
			*documents[n].place = (struct marblerun_bytes){ copy.data, copy.size };
			for (size_t at = 40; at + 40 < copy.size; at += copy.size / 23 + 1) {
				/* white space of PEM and JSON may be anything; letters may not */
				if (copy.data[at] <= ' ')
					continue;
				copy.data[at] ^= 4;
				expect_steps(&l, documents[n].steps, "changed at", n, at);
				copy.data[at] ^= 4;
			}
			for (size_t cut = 1; cut + 40 < copy.size; cut += copy.size / 23 + 1) {
				documents[n].place->size = cut;
				expect_steps(&l, documents[n].steps, "cut to", n, cut);
			}
			*documents[n].place = (struct marblerun_bytes){ 0 };
			if (documents[n].place != &l.collateral.crl) /* AMD's is not needed */
				expect_steps(&l, STEP(ENDORSEMENTS), "missing", n, 0);
			*documents[n].place = genuine;
			assert_true(verify(&l)->genuine);
		}
		unload(&l);
	}
}

/* Genuine documents of another platform are not this one's. */
static void documents_are_of_this_platform(void **state)
{
	(void)state;
	struct loaded mine = load(&vectors[0]), other = load(&vectors[3]);
	mine.at = vectors[0].at;
	struct marblerun_collateral genuine = mine.collateral;
	mine.collateral.tcb_info = other.collateral.tcb_info;
	assert_int_equal(verify(&mine)->step, MARBLERUN_STEP_TCB_INFO);
	mine.collateral = genuine;
	mine.collateral.pck_crl = other.collateral.pck_crl;
	assert_int_equal(verify(&mine)->step, MARBLERUN_STEP_REVOCATION);
	mine.collateral = genuine;
	mine.collateral.qe_identity = mine.collateral.tcb_info;
	assert_int_equal(verify(&mine)->step, MARBLERUN_STEP_QUOTING_ENCLAVE);
	unload(&mine);
	unload(&other);
}

static void chains_are_of_the_makers(void **state)
{
	(void)state;
	struct loaded milan = load(&vectors[6]), genoa = load(&vectors[5]);
	struct marblerun_collateral genuine = milan.collateral;
	milan.collateral.ask = genoa.collateral.ask;
	assert_int_equal(verify(&milan)->step, MARBLERUN_STEP_CERTIFICATES);
	milan.collateral = genuine;
	milan.collateral.vcek = genoa.collateral.vcek;
	assert_int_equal(verify(&milan)->step, MARBLERUN_STEP_CERTIFICATES);
	milan.collateral = genuine;
	milan.collateral.ark = genuine.ask;
	assert_int_equal(verify(&milan)->step, MARBLERUN_STEP_ROOT);
	milan.collateral = genuine;
	assert_true(verify(&milan)->genuine);
	unload(&milan);
	unload(&genoa);
}

static void open_enclave_headers_are_taken_off(void **state)
{
	(void)state;
	struct loaded l = load(&vectors[0]);
	CLEANUP(writer_free) struct writer w = { 0 };
	write_le32(&w, 1);
	write_le32(&w, 2);
	write_le64(&w, l.evidence.size);
	write_bytes(&w, blob_view(&l.evidence));
	blob_free(&l.evidence);
	assert_null(blob_of_writer(&w, "quote", &l.evidence));
	assert_true(verify(&l)->genuine);
	l.evidence.data[8] ^= 0x80;
	l.evidence.data[9] ^= 0x80;
	assert_false(verify(&l)->genuine);
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gives_its_verdict),
		cmocka_unit_test(the_window_is_exact),
		cmocka_unit_test(no_signed_byte_may_change),
		cmocka_unit_test(nothing_shorter_passes),
		cmocka_unit_test(documents_are_signed),
		cmocka_unit_test(documents_are_of_this_platform),
		cmocka_unit_test(chains_are_of_the_makers),
		cmocka_unit_test(open_enclave_headers_are_taken_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
