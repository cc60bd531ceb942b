#include "testing.h"

#include <openssl/x509v3.h>

#include "marble/identity.h"

static const int64_t now = 1700000000;

static void a_certificate_that_says_nothing(void **state)
{
	(void)state;
	CLEANUP(identity_free) struct identity id = { 0 };
	char name[64];
	must(identity_create("secret.example", now, &id));
	assert_int_equal(X509_verify(id.certificate, id.key), 1);
	X509_NAME_oneline(X509_get_subject_name(id.certificate), name, sizeof name);
	assert_string_equal(name, "/CN=MarbleRun Marble");
	assert_int_equal(X509_get_ext_count(id.certificate), 0);
	time_t at = now;
	assert_true(X509_cmp_time(X509_get0_notBefore(id.certificate), &at) < 0);
	assert_true(X509_cmp_time(X509_get0_notAfter(id.certificate), &at) > 0);
	assert_int_equal(EVP_PKEY_get_bits(id.key), 256);
}

static void a_request_with_the_names(void **state)
{
	(void)state;
	CLEANUP(identity_free) struct identity id = { 0 };
	must(identity_create("a.example,192.0.2.9", now, &id));
	const unsigned char *at = id.request.data;
	X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)id.request.size);
	assert_non_null(request);
	assert_int_equal(X509_REQ_verify(request, id.key), 1);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
	GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(names), 2);
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);
}

static void no_names_no_extension(void **state)
{
	(void)state;
	CLEANUP(identity_free) struct identity id = { 0 };
	must(identity_create("", now, &id));
	const unsigned char *at = id.request.data;
	X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)id.request.size);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
	assert_true(sk_X509_EXTENSION_num(extensions) <= 0);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);
}

static void fresh_each_time(void **state)
{
	(void)state;
	CLEANUP(identity_free) struct identity one = { 0 };
	CLEANUP(identity_free) struct identity other = { 0 };
	must(identity_create("a", now, &one));
	must(identity_create("a", now, &other));
	assert_int_equal(EVP_PKEY_eq(one.key, other.key), 0);
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(one.certificate),
					      X509_get0_serialNumber(other.certificate)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_that_says_nothing),
		cmocka_unit_test(a_request_with_the_names), cmocka_unit_test(no_names_no_extension),
		cmocka_unit_test(fresh_each_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
