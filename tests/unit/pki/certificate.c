#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "codec/pem.h"
#include "pki/ca.h"

static const int64_t now = 1700000000;

static void make(struct blob *der)
{
	CLEANUP(ca_free) struct ca ca = { 0 };
	assert_null(ca_create(&(struct san_list){ 0 }, KEY_P256, now, &ca));
	assert_null(certificate_der(ca.root, der));
}

static void assert_refused(error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	assert_int_equal(error_code(e), code);
	if (!strstr(error_message(e), part))
		fail_msg("%s", error_message(e));
	error_free(e);
	assert_int_equal(ERR_peek_error(), 0);
}

static void der_and_pem_come_back(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob der = { 0 };
	CLEANUP(blob_free) struct blob again = { 0 };
	CLEANUP(writer_free) struct writer pem = { 0 };
	CLEANUP(X509_free) X509 *one = NULL;
	CLEANUP(X509_free) X509 *other = NULL;
	make(&der);
	assert_null(certificate_of_der(blob_view(&der), &one));
	write_string(&pem, "text before it is skipped\n");
	assert_null(certificate_write_pem(&pem, one));
	write_string(&pem, "and what is behind it, too\n");
	assert_null(certificate_of_pem(writer_view(&pem), "test", &other));
	assert_null(certificate_der(other, &again));
	assert_true(bytes_equal(blob_view(&der), blob_view(&again)));
	assert_int_equal(ERR_peek_error(), 0);
}

static void every_prefix_is_refused(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob der = { 0 };
	X509 *certificate = NULL;
	make(&der);
	for (size_t size = 0; size < der.size; size++) {
		CLEANUP(blob_free) struct blob part = { 0 };
		assert_null(blob_copy(bytes_of(der.data, size), &part));
		assert_refused(certificate_of_der(blob_view(&part), &certificate), ERROR_INVALID,
			       "not an X.509 certificate");
	}
}

static void what_is_no_certificate_is_refused(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob der = { 0 };
	CLEANUP(writer_free) struct writer w = { 0 };
	X509 *certificate = NULL;
	make(&der);
	write_bytes(&w, blob_view(&der));
	write_u8(&w, 0);
	assert_refused(certificate_of_der(writer_view(&w), &certificate), ERROR_INVALID,
		       "1 bytes behind the certificate");
	write_zeros(&w, CERTIFICATE_DER_MAX);
	assert_refused(certificate_of_der(writer_view(&w), &certificate), ERROR_TOO_LARGE, "65536");

	writer_reset(&w);
	assert_refused(certificate_of_pem(bytes_of_string("no PEM"), "upload", &certificate),
		       ERROR_INVALID, "upload: no PEM block found");
	write_pem(&w, "PRIVATE KEY", blob_view(&der));
	assert_refused(certificate_of_pem(writer_view(&w), "upload", &certificate), ERROR_INVALID,
		       "upload: PEM block \"PRIVATE KEY\" found, CERTIFICATE expected");
	writer_reset(&w);
	write_pem(&w, "CERTIFICATE", bytes_of_string("not DER"));
	assert_refused(certificate_of_pem(writer_view(&w), "upload", &certificate), ERROR_INVALID,
		       "upload: not an X.509 certificate");
	assert_null(certificate);
}

/* It can be read; its key can't be used, of which nothing may be left in OpenSSL's queue. */
static void a_key_of_an_unknown_kind_leaves_no_trace(void **state)
{
	(void)state;
	static const uint8_t ec_public_key[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
	CLEANUP(blob_free) struct blob der = { 0 };
	CLEANUP(X509_free) X509 *certificate = NULL;
	make(&der);
	uint8_t *at = memmem(der.data, der.size, ec_public_key, sizeof ec_public_key);
	assert_non_null(at);
	at[sizeof ec_public_key - 1] = 0x7f;
	assert_null(certificate_of_der(blob_view(&der), &certificate));
	assert_int_equal(ERR_peek_error(), 0);
	assert_null(X509_get0_pubkey(certificate));
	ERR_clear_error();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(der_and_pem_come_back),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(what_is_no_certificate_is_refused),
		cmocka_unit_test(a_key_of_an_unknown_kind_leaves_no_trace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
