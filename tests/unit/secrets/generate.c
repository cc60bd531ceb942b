#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "secrets/generate.h"

static const int64_t now = 1700000000; /* 2023-11-14T22:13:20Z */
static struct ca ca;

static int set_up(void **state)
{
	(void)state;
	error *e = ca_create(&(struct san_list){ 0 }, KEY_P256, now, &ca);
	return e != NULL;
}

static int tear_down(void **state)
{
	(void)state;
	ca_free(&ca);
	return 0;
}

static struct secret_definition definition(enum secret_type type, uint64_t size)
{
	return (struct secret_definition){ .name = "test", .type = type, .size = size };
}

static void generate(const struct secret_definition *d, struct secret_value *ret)
{
	error *e = secret_definition_check(d);
	if (!e)
		e = secret_generate(d, &ca, now, ret);
	if (e)
		fail_msg("%s", error_message(e));
	assert_int_equal(ERR_peek_error(), 0);
	assert_true(ret->is_set);
	assert_ptr_equal(ret->definition, d);
}

static void assert_refused(const struct secret_definition *d, const char *part)
{
	CLEANUP(error_free) error *e = secret_definition_check(d);
	CLEANUP(secret_value_free) struct secret_value v = { 0 };
	if (!e || !strstr(error_message(e), part))
		fail_msg("%s, \"%s\" expected", e ? error_message(e) : "accepted", part);
	CLEANUP(error_free) error *also = secret_generate(d, &ca, now, &v);
	assert_non_null(also);
	assert_null(v.private_part.data);
}

static void symmetric_keys_are_random(void **state)
{
	(void)state;
	struct secret_definition d = definition(SECRET_SYMMETRIC_KEY, 256);
	CLEANUP(secret_value_free) struct secret_value one = { 0 };
	CLEANUP(secret_value_free) struct secret_value other = { 0 };
	d.shared = true;
	generate(&d, &one);
	generate(&d, &other);
	assert_int_equal(one.private_part.size, 32);
	assert_memory_not_equal(one.private_part.data, other.private_part.data, 32);
	assert_null(one.public_part.data);
	assert_null(one.certificate.data);
}

static void assert_key_pair(const struct secret_value *v, int type, int bits)
{
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
	CLEANUP(X509_free) X509 *certificate = NULL;
	CLEANUP(blob_free) struct blob public = { 0 };
	assert_null(key_of_private_der(secret_view(&v->private_part), &key));
	assert_null(certificate_of_der(blob_view(&v->certificate), &certificate));
	assert_int_equal(EVP_PKEY_get_base_id(key), type);
	assert_int_equal(EVP_PKEY_get_bits(key), bits);
	assert_int_equal(X509_check_private_key(certificate, key), 1);
	assert_null(key_public_der(key, &public));
	assert_true(bytes_equal(blob_view(&public), blob_view(&v->public_part)));
	assert_int_equal(X509_verify(certificate, X509_get0_pubkey(ca.marble_root)), 1);
	assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(certificate),
				       X509_get_subject_name(ca.marble_root)), 0);
}

static void certificates_have_the_key_asked_for(void **state)
{
	(void)state;
	static const struct {
		enum secret_type type;
		uint64_t size;
		int key_type, bits;
	} cases[] = {
		{ SECRET_CERT_ECDSA, 224, EVP_PKEY_EC, 224 },
		{ SECRET_CERT_ECDSA, 256, EVP_PKEY_EC, 256 },
		{ SECRET_CERT_ECDSA, 384, EVP_PKEY_EC, 384 },
		{ SECRET_CERT_ECDSA, 521, EVP_PKEY_EC, 521 },
		{ SECRET_CERT_RSA, 2048, EVP_PKEY_RSA, 2048 },
		{ SECRET_CERT_RSA, 3072, EVP_PKEY_RSA, 3072 },
		{ SECRET_CERT_ED25519, 0, EVP_PKEY_ED25519, 256 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct secret_definition d = definition(cases[i].type, cases[i].size);
		CLEANUP(secret_value_free) struct secret_value v = { 0 };
		generate(&d, &v);
		assert_int_equal(secret_is_slow(&d), cases[i].key_type == EVP_PKEY_RSA);
		assert_key_pair(&v, cases[i].key_type, cases[i].bits);
	}
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	static const struct {
		enum secret_type type;
		uint64_t size;
		const char *part;
	} cases[] = {
		{ SECRET_SYMMETRIC_KEY, 0, "Size: 0 bits: a multiple of 8 from 8 to 65280" },
		{ SECRET_SYMMETRIC_KEY, 127, "Size: 127 bits: a multiple of 8" },
		{ SECRET_SYMMETRIC_KEY, 65288, "8 to 65280" },
		{ SECRET_SYMMETRIC_KEY, UINT64_MAX & ~7ull, "8 to 65280" },
		{ SECRET_CERT_ECDSA, 0, "Size: 0 bits: 224, 256, 384 or 521" },
		{ SECRET_CERT_ECDSA, 512, "Size: 512 bits: 224, 256, 384 or 521" },
		{ SECRET_CERT_ECDSA, 256 + (1ull << 32), "224, 256, 384 or 521" },
		{ SECRET_CERT_RSA, 1024, "Size: 1024 bits: 2048 to 8192" },
		{ SECRET_CERT_RSA, 8193, "Size: 8193 bits: 2048 to 8192" },
		{ SECRET_CERT_RSA, 2048 + (1ull << 32), "2048 to 8192" },
		{ SECRET_CERT_ED25519, 256, "Size: 256 bits: none expected" },
		{ SECRET_PLAIN, 0, "UserDefined expected" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct secret_definition d = definition(cases[i].type, cases[i].size);
		assert_refused(&d, cases[i].part);
	}
	struct secret_definition shared = definition(SECRET_SYMMETRIC_KEY, SYMMETRIC_BITS_MAX + 8);
	shared.shared = true;
	assert_refused(&shared, "8 to 524288");
}

static void user_defined_secrets_are_not_generated(void **state)
{
	(void)state;
	static const enum secret_type types[] = { SECRET_PLAIN, SECRET_SYMMETRIC_KEY, SECRET_CERT_RSA };
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct secret_definition d = definition(types[i], 0);
		struct secret_value v = { 0 };
		d.user_defined = true;
		assert_null(secret_definition_check(&d));
		assert_false(secret_is_slow(&d));
		CLEANUP(error_free) error *e = secret_generate(&d, &ca, now, &v);
		assert_non_null(e);
		assert_false(v.is_set);
	}
}

static void assert_validity(const struct secret_definition *d, const char *not_after)
{
	CLEANUP(secret_value_free) struct secret_value v = { 0 };
	CLEANUP(X509_free) X509 *certificate = NULL;
	generate(d, &v);
	assert_null(certificate_of_der(blob_view(&v.certificate), &certificate));
	assert_string_equal(X509_get0_notBefore(certificate)->data, "231114211320Z");
	assert_string_equal(X509_get0_notAfter(certificate)->data, not_after);
}

static void certificates_end_when_asked_to(void **state)
{
	(void)state;
	CLEANUP_JSON json_t *fixed = json_pack("{s:s}", "NotAfter", "2049-12-31T23:59:59Z");
	CLEANUP_JSON json_t *zone = json_pack("{s:s}", "NotAfter", "2050-01-01T01:00:00.25+01:00");
	CLEANUP_JSON json_t *zero = json_pack("{s:s}", "NotAfter", "0001-01-01T00:00:00Z");
	struct secret_definition d = definition(SECRET_CERT_ECDSA, 256);
	assert_validity(&d, "241113221320Z"); /* 365 days; 2024 has 366 */
	d.valid_for = 7;
	assert_validity(&d, "231121221320Z");
	d.cert = zero;
	assert_validity(&d, "231121221320Z");
	d.valid_for = 0;
	d.cert = fixed;
	assert_validity(&d, "491231235959Z");
	d.cert = zone;
	assert_validity(&d, "20500101000000Z");
	d.cert = NULL;
	d.has_not_after = true;
	d.not_after = 2524607999;
	assert_validity(&d, "491231235959Z");
}

static void impossible_validity_is_refused(void **state)
{
	(void)state;
	CLEANUP_JSON json_t *fixed = json_pack("{s:s}", "NotAfter", "2049-12-31T23:59:59Z");
	CLEANUP_JSON json_t *past = json_pack("{s:s}", "NotAfter", "2023-11-14T22:13:20Z");
	struct secret_definition d = definition(SECRET_CERT_ECDSA, 256);
	struct secret_value v = { 0 };
	d.cert = fixed;
	d.valid_for = 1;
	assert_refused(&d, "ValidFor and Cert.NotAfter");
	d.cert = NULL;
	d.has_not_after = true;
	assert_refused(&d, "ValidFor and Cert.NotAfter");
	d.has_not_after = false;
	d.valid_for = UINT64_MAX;
	assert_refused(&d, "ValidFor: 18446744073709551615 days");
	d.valid_for = 0;
	d.cert = past; /* nobody knows the time before it is made */
	assert_null(secret_definition_check(&d));
	CLEANUP(error_free) error *e = secret_generate(&d, &ca, now, &v);
	assert_non_null(e);
	assert_non_null(strstr(error_message(e), "NotAfter has passed"));
}

/* ---- what others say ---- */

static void run(const char *folder, const char *command)
{
	char line[512];
	snprintf(line, sizeof line, "cd '%s' && { %s; } >log 2>&1", folder, command);
	if (system(line) == 0)
		return;
	snprintf(line, sizeof line, "cat '%s/log'", folder);
	if (system(line) != 0)
		print_message("no output\n");
	fail_msg("failed: %s", command);
}

static void write_certificate(const char *folder, const char *name, const X509 *certificate)
{
	char path[256];
	CLEANUP(writer_free) struct writer pem = { 0 };
	snprintf(path, sizeof path, "%s/%s.pem", folder, name);
	assert_null(certificate_write_pem(&pem, certificate));
	assert_null(file_replace(path, writer_view(&pem), 0600));
}

static void others_accept_certificates(void **state)
{
	(void)state;
	static const struct {
		enum secret_type type;
		uint64_t size;
	} cases[] = { { SECRET_CERT_ECDSA, 256 }, { SECRET_CERT_ECDSA, 521 }, { SECRET_CERT_RSA, 2048 },
		      { SECRET_CERT_ED25519, 0 } };
	CLEANUP(ca_free) struct ca fresh = { 0 };
	/* digitalSignature and keyEncipherment: NSS asks for the latter of RSA servers */
	CLEANUP_JSON json_t *rsa = json_pack("{s:i}", "KeyUsage", 5);
	char folder[] = "/tmp/test-secrets-XXXXXX", line[64];
	int64_t today = clock_now();
	assert_non_null(mkdtemp(folder));
	assert_null(ca_create(&(struct san_list){ 0 }, KEY_P256, today, &fresh));
	write_certificate(folder, "root", fresh.marble_root);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct secret_definition d = definition(cases[i].type, cases[i].size);
		CLEANUP(secret_value_free) struct secret_value v = { 0 };
		CLEANUP(X509_free) X509 *certificate = NULL;
		d.cert = d.type == SECRET_CERT_RSA ? rsa : NULL;
		assert_null(secret_generate(&d, &fresh, today, &v));
		assert_null(certificate_of_der(blob_view(&v.certificate), &certificate));
		write_certificate(folder, "leaf", certificate);
		run(folder, "openssl verify -CAfile root.pem -purpose sslserver "
			    "-verify_hostname localhost leaf.pem");
		run(folder, "certtool --verify --load-ca-certificate root.pem --infile leaf.pem "
			    "--verify-hostname localhost");
		run(folder, "rm -rf nss && mkdir nss && certutil -N -d sql:nss --empty-password && "
			    "certutil -A -d sql:nss -n root -t CT,, -a -i root.pem");
		/* NSS 3.87 knows no Ed25519 */
		if (cases[i].type != SECRET_CERT_ED25519)
			run(folder, "vfychain -d sql:nss -pp -u 1 -a leaf.pem");
	}
	snprintf(line, sizeof line, "rm -r '%s'", folder);
	assert_int_equal(system(line), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symmetric_keys_are_random),
		cmocka_unit_test(certificates_have_the_key_asked_for),
		cmocka_unit_test(sizes_that_do_not_fit_are_refused),
		cmocka_unit_test(user_defined_secrets_are_not_generated),
		cmocka_unit_test(certificates_end_when_asked_to),
		cmocka_unit_test(impossible_validity_is_refused),
		cmocka_unit_test(others_accept_certificates),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
