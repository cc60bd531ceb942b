/* Reports of every product and version, signed by a leaf of our own: what a verified leaf says of them decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "attest/snp/verify.h"

static const struct snp_product milan = { .name = "Milan", .chip_id_size = 64 },
				genoa = { .name = "Genoa", .chip_id_size = 64 },
				turin = { .name = "Turin", .chip_id_size = 8, .turin_layout = true };

/* Offsets of table "ATTESTATION_REPORT Structure". */
enum { AT_VERSION = 0, AT_POLICY = 8, AT_VMPL = 0x30, AT_ALGORITHM = 0x34, AT_CURRENT = 0x38, AT_FLAGS = 0x48,
       AT_REPORTED = 0x180, AT_FAMILY = 0x188, AT_MODEL = 0x189, AT_CHIP = 0x1a0, AT_COMMITTED = 0x1e0,
       AT_LAUNCH = 0x1f0, AT_SIGNATURE = 0x2a0 };

struct scene {
	uint8_t raw[SNP_REPORT_SIZE];
	EVP_PKEY *key;
	struct snp_chain chain;
	struct marblerun_verdict verdict;
};

static void put_tcb(struct scene *s, size_t at, uint8_t value)
{
	static const uint8_t milan_parts[] = { 0, 1, 6, 7 }, turin_parts[] = { 0, 1, 2, 3, 7 };
	bool is_turin = s->chain.product->turin_layout;
	memset(s->raw + at, 0, 8);
	for (size_t i = 0; i < (is_turin ? sizeof turin_parts : sizeof milan_parts); i++)
		s->raw[at + (is_turin ? turin_parts : milan_parts)[i]] = value;
}

static void set_up(struct scene *s, const struct snp_product *product, uint8_t version)
{
	*s = (struct scene){ .key = EVP_EC_gen("P-384") };
	s->chain = (struct snp_chain){ .product = product, .valid_from = 1, .valid_until = 2 };
	s->chain.leaf = (struct snp_leaf){ .certificate = X509_new(), .hwid_size = product->chip_id_size,
					   .tcb = { product->turin_layout ? 4 : 0, 4, 4, 4, 4 } };
	assert_true(X509_set_pubkey(s->chain.leaf.certificate, s->key));
	memset(s->chain.leaf.hwid, 0xc1, product->chip_id_size);
	s->raw[AT_VERSION] = version;
	s->raw[AT_ALGORITHM] = 1;
	memcpy(s->raw + AT_CHIP, s->chain.leaf.hwid, sizeof s->chain.leaf.hwid);
	if (version >= 3) {
		s->raw[AT_FAMILY] = product == &turin ? 0x1a : 0x19;
		s->raw[AT_MODEL] = product == &milan ? 1 : 0x11;
	}
	put_tcb(s, AT_REPORTED, 4);
	put_tcb(s, AT_COMMITTED, 5);
	put_tcb(s, AT_CURRENT, 6);
}

static void tear_down(struct scene *s)
{
	EVP_PKEY_free(s->key);
	snp_chain_free(&s->chain);
}

static void put_reversed(uint8_t to[72], const BIGNUM *number)
{
	uint8_t big_endian[48];
	assert_int_equal(BN_bn2binpad(number, big_endian, sizeof big_endian), sizeof big_endian);
	for (size_t i = 0; i < sizeof big_endian; i++)
		to[i] = big_endian[47 - i];
}

static void sign(struct scene *s)
{
	uint8_t der[256];
	size_t size = sizeof der;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, s->key), 1);
	assert_int_equal(EVP_DigestSign(context, der, &size, s->raw, SNP_SIGNED_SIZE), 1);
	EVP_MD_CTX_free(context);
	const unsigned char *at = der;
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
	memset(s->raw + AT_SIGNATURE, 0, 144);
	put_reversed(s->raw + AT_SIGNATURE, ECDSA_SIG_get0_r(signature));
	put_reversed(s->raw + AT_SIGNATURE + 72, ECDSA_SIG_get0_s(signature));
	ECDSA_SIG_free(signature);
}

/* NONE: it verifies. */
static enum marblerun_step judge(struct scene *s)
{
	struct snp_report report;
	s->verdict = (struct marblerun_verdict){ .step = MARBLERUN_STEP_FORMAT };
	error *e = snp_report_parse(BYTES_OF_ARRAY(s->raw), &report);
	if (!e)
		e = snp_report_verify(&report, &s->chain, &s->verdict);
	assert_true(!e == (s->verdict.step == MARBLERUN_STEP_NONE));
	error_free(e);
	return s->verdict.step;
}

static enum marblerun_step judge_signed(struct scene *s)
{
	sign(s);
	return judge(s);
}

static void each_product_in_each_version(void **state)
{
	(void)state;
	static const struct snp_product *const products[] = { &milan, &genoa, &turin };
	for (size_t p = 0; p < ARRAY_SIZE(products); p++) {
		for (uint8_t version = 1; version <= 6; version++) {
			struct scene s;
			set_up(&s, products[p], version);
			assert_int_equal(judge_signed(&s), version < 2 ? MARBLERUN_STEP_FORMAT : MARBLERUN_STEP_NONE);
			if (version >= 2) {
				assert_string_equal(s.verdict.claims.snp.product, products[p]->name);
				assert_int_equal(s.verdict.claims.snp.current_tcb.snp, 6);
				assert_int_equal(s.verdict.claims.snp.committed_tcb.fmc, products[p] == &turin ? 5 : 0);
				assert_int_equal(s.verdict.tcb_status, MARBLERUN_TCB_OUT_OF_DATE);
			}
			tear_down(&s);
		}
	}
}

static void every_bit_is_signed(void **state)
{
	(void)state;
	struct scene s;
	set_up(&s, &genoa, 3);
	assert_int_equal(judge_signed(&s), MARBLERUN_STEP_NONE);
	for (size_t i = 0; i < AT_SIGNATURE + 144; i++) {
		for (int bit = 0; bit < 8; bit += 7) {
			s.raw[i] ^= (uint8_t)(1 << bit);
			enum marblerun_step step = judge(&s);
			/* Version, VMPL, algorithm and numbers too large are seen in parsing, the signing key is looked
			 * at before the signature. */
			bool format = i < 4 || (i >= AT_VMPL && i < AT_CURRENT) || i >= AT_SIGNATURE;
			bool key = i == AT_FLAGS;
			assert_true(step == MARBLERUN_STEP_SIGNATURE || (format && step == MARBLERUN_STEP_FORMAT) ||
				    (key && step == MARBLERUN_STEP_CERTIFICATES));
			s.raw[i] ^= (uint8_t)(1 << bit);
		}
	}
	assert_int_equal(judge(&s), MARBLERUN_STEP_NONE);
	tear_down(&s);
}

static void the_chip_is_that_of_the_certificate(void **state)
{
	(void)state;
	for (int is_turin = 0; is_turin < 2; is_turin++) {
		struct scene s;
		set_up(&s, is_turin ? &turin : &milan, 3);
		for (size_t i = 0; i < 64; i++) { /* of Turin's id, the rest is zero */
			s.raw[AT_CHIP + i] ^= 1;
			assert_int_equal(judge_signed(&s), MARBLERUN_STEP_CERTIFICATES);
			s.raw[AT_CHIP + i] ^= 1;
		}
		memset(s.raw + AT_CHIP, 0, 64); /* masked */
		assert_int_equal(judge_signed(&s), MARBLERUN_STEP_NONE);
		s.raw[AT_CHIP] = 1;
		assert_int_equal(judge_signed(&s), MARBLERUN_STEP_CERTIFICATES);
		tear_down(&s);
	}
}

static void signing_keys(void **state)
{
	(void)state;
	for (int vlek = 0; vlek < 2; vlek++) {
		struct scene s;
		set_up(&s, &milan, 3);
		s.chain.leaf.vlek = vlek;
		s.chain.leaf.hwid_size = vlek ? 0 : 64;
		for (uint8_t key = 0; key < 8; key++) {
			s.raw[AT_FLAGS] = (uint8_t)(key << 2);
			assert_int_equal(judge_signed(&s),
					 key == vlek ? MARBLERUN_STEP_NONE : MARBLERUN_STEP_CERTIFICATES);
			assert_int_equal(s.verdict.claims.snp.vlek, vlek);
		}
		tear_down(&s);
	}
}

static void a_vlek_is_for_any_chip(void **state)
{
	(void)state;
	struct scene s;
	set_up(&s, &milan, 3);
	s.chain.leaf.vlek = true;
	s.chain.leaf.hwid_size = 0;
	s.raw[AT_FLAGS] = 1 << 2;
	memset(s.raw + AT_CHIP, 0x77, 64);
	assert_int_equal(judge_signed(&s), MARBLERUN_STEP_NONE);
	memset(s.raw + AT_CHIP, 0, 64);
	assert_int_equal(judge_signed(&s), MARBLERUN_STEP_NONE);
	tear_down(&s);
}

static void processors(void **state)
{
	(void)state;
	static const struct {
		const struct snp_product *product;
		uint8_t family, model;
		bool good;
	} cases[] = {
		{ &milan, 0x19, 0x00, true },  { &milan, 0x19, 0x0f, true },  { &milan, 0x19, 0x10, false },
		{ &genoa, 0x19, 0x10, true },  { &genoa, 0x19, 0x1f, true },  { &genoa, 0x19, 0xa0, true },
		{ &genoa, 0x19, 0xaf, true },  { &genoa, 0x19, 0x0f, false }, { &genoa, 0x19, 0x20, false },
		{ &genoa, 0x1a, 0x11, false }, { &turin, 0x1a, 0x02, true },  { &turin, 0x1a, 0x1f, true },
		{ &turin, 0x1a, 0x20, false }, { &turin, 0x19, 0x11, false }, { &milan, 0, 0, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s;
		set_up(&s, cases[i].product, 5);
		s.raw[AT_FAMILY] = cases[i].family;
		s.raw[AT_MODEL] = cases[i].model;
		assert_int_equal(judge_signed(&s), cases[i].good ? MARBLERUN_STEP_NONE : MARBLERUN_STEP_CERTIFICATES);
		tear_down(&s);
	}
}

static void tcbs(void **state)
{
	(void)state;
	static const struct {
		uint8_t reported, committed, current;
		enum marblerun_step step;
		enum marblerun_tcb_status status;
	} cases[] = {
		{ 4, 4, 4, MARBLERUN_STEP_NONE, MARBLERUN_TCB_UP_TO_DATE },
		{ 4, 4, 5, MARBLERUN_STEP_NONE, MARBLERUN_TCB_OUT_OF_DATE },
		{ 4, 3, 5, MARBLERUN_STEP_TCB_LEVEL, 0 },
		{ 4, 5, 4, MARBLERUN_STEP_TCB_LEVEL, 0 },
		{ 3, 4, 4, MARBLERUN_STEP_TCB_LEVEL, 0 },
		{ 5, 5, 5, MARBLERUN_STEP_TCB_LEVEL, 0 },
	};
	static const struct snp_product *const products[] = { &milan, &turin };
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		struct scene s;
		set_up(&s, products[i % 2], 3);
		put_tcb(&s, AT_REPORTED, cases[i / 2].reported);
		put_tcb(&s, AT_COMMITTED, cases[i / 2].committed);
		put_tcb(&s, AT_CURRENT, cases[i / 2].current);
		assert_int_equal(judge_signed(&s), cases[i / 2].step);
		assert_int_equal(s.verdict.tcb_status, cases[i / 2].status);
		tear_down(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_product_in_each_version),
		cmocka_unit_test(every_bit_is_signed),
		cmocka_unit_test(the_chip_is_that_of_the_certificate),
		cmocka_unit_test(signing_keys),
		cmocka_unit_test(a_vlek_is_for_any_chip),
		cmocka_unit_test(processors),
		cmocka_unit_test(tcbs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
