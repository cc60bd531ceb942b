#include "testing.h"

#include "made_marble.h"

#include <openssl/x509v3.h>

static EVP_PKEY *key;
static struct ca ca;

static int make_key(void **state)
{
	(void)state;
	made_mesh(&ca);
	must(key_generate(KEY_P256, 0, &key));
	return 0;
}

static int drop_key(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	ca_free(&ca);
	return 0;
}

static void as_the_coordinator_writes_it(void **state)
{
	(void)state;
	struct marblerun_peer peer;
	CLEANUP(X509_free) X509 *c = made_certificate(&ca, key, MADE_UUID, "back end/\xc3\xbc", "");
	must(peer_of_certificate(c, &peer));
	assert_string_equal(peer.uuid, MADE_UUID);
	assert_string_equal(peer.type, "back end/\xc3\xbc");
}

static void the_longest_type(void **state)
{
	(void)state;
	char type[MARBLERUN_TYPE_SIZE + 1] = "";
	struct marblerun_peer peer;
	memset(type, 'x', MARBLERUN_TYPE_SIZE - 1);
	CLEANUP(X509_free) X509 *c = made_certificate(&ca, key, MADE_UUID, type, "");
	must(peer_of_certificate(c, &peer));
	assert_string_equal(peer.type, type);
	memset(type, 'x', MARBLERUN_TYPE_SIZE);
	CLEANUP(X509_free) X509 *longer = made_certificate(&ca, key, MADE_UUID, type, "");
	assert_refused(peer_of_certificate(longer, &peer), ERROR_DENIED, "marble type");
}

static void no_marble_at_all(void **state)
{
	(void)state;
	struct marblerun_peer peer = { .type = "as before" };
	assert_refused(peer_of_certificate(ca.root, &peer), ERROR_DENIED, "common name is no UUID");
	assert_string_equal(peer.type, "as before");
}

static void add_type(X509 *certificate, const char *type, int size)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.9903.2.1", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(value, (const unsigned char *)type, size);
	X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
}

static void remove_type(X509 *certificate)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.9903.2.1", 1);
	X509_EXTENSION_free(X509_delete_ext(certificate, X509_get_ext_by_OBJ(certificate, oid, -1)));
	ASN1_OBJECT_free(oid);
}

static void types_that_mean_two_things(void **state)
{
	(void)state;
	struct marblerun_peer peer;
	CLEANUP(X509_free) X509 *twice = made_certificate(&ca, key, MADE_UUID, "one", "");
	add_type(twice, "two", 3);
	assert_refused(peer_of_certificate(twice, &peer), ERROR_DENIED, "one marble type");
	CLEANUP(X509_free) X509 *none = made_certificate(&ca, key, MADE_UUID, "one", "");
	remove_type(none);
	assert_refused(peer_of_certificate(none, &peer), ERROR_DENIED, "marble type");
	add_type(none, "one\0two", 7);
	assert_refused(peer_of_certificate(none, &peer), ERROR_DENIED, "marble type");
	remove_type(none);
	add_type(none, "", 0);
	assert_refused(peer_of_certificate(none, &peer), ERROR_DENIED, "marble type");
}

static void names_that_are_no_uuid(void **state)
{
	(void)state;
	struct marblerun_peer peer;
	CLEANUP(X509_free) X509 *shorter = made_certificate(&ca, key, "0b8e3c2a", "one", "");
	assert_refused(peer_of_certificate(shorter, &peer), ERROR_DENIED, "UUID");
	CLEANUP(X509_free) X509 *twice = made_certificate(&ca, key, MADE_UUID, "one", "");
	X509_NAME_add_entry_by_txt(X509_get_subject_name(twice), "CN", MBSTRING_ASC, (const unsigned char *)MADE_UUID,
				   -1, -1, 0);
	assert_refused(peer_of_certificate(twice, &peer), ERROR_DENIED, "UUID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_coordinator_writes_it), cmocka_unit_test(the_longest_type),
		cmocka_unit_test(no_marble_at_all), cmocka_unit_test(types_that_mean_two_things),
		cmocka_unit_test(names_that_are_no_uuid),
	};
	return cmocka_run_group_tests(tests, make_key, drop_key);
}
