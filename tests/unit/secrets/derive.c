#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "codec/hex.h"
#include "secrets/derive.h"
#include "secrets/generate.h"

static const char uuid[] = "d2719a4a-6f7b-4b6c-8d5e-0a1b2c3d4e5f";

static struct secret_definition disk_key(uint64_t bits)
{
	return (struct secret_definition){ .name = "diskKey", .type = SECRET_SYMMETRIC_KEY, .size = bits };
}

static void derive(const struct secret_definition *d, uint8_t first_byte, const char *type,
		   struct secret_value *ret)
{
	uint8_t root[32];
	for (size_t i = 0; i < sizeof root; i++)
		root[i] = first_byte == 0xff ? 0xff : (uint8_t)(first_byte + i);
	error *e = secret_derive(d, BYTES_OF_ARRAY(root), uuid, type, ret);
	if (e)
		fail_msg("%s", error_message(e));
}

/* Computed by python3-cryptography's HKDF, and by Go's crypto/hkdf as public coordinators do. */
static void keys_are_those_of_public_coordinators(void **state)
{
	(void)state;
	static const struct {
		uint64_t bits;
		uint8_t root;
		const char *type, *key;
	} cases[] = {
		{ 128, 0, "frontend", "20a6ae971db1f712f3e746dfeed99514" },
		{ 336, 0, "frontend", "20a6ae971db1f712f3e746dfeed99514a24b0e734a70b187298fedee9c6689968e28"
				      "04ea1dc80805bdc1" },
		{ 256, 0, "", "484416b51cb0e3f52f1ed4466494ede697f3e6771605138ade5a68f4baa89063" },
		{ 128, 0xff, "frontend", "0da2f3bca5cd4f96420df87bee735cdf" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct secret_definition d = disk_key(cases[i].bits);
		CLEANUP(secret_value_free) struct secret_value v = { 0 };
		CLEANUP(writer_free) struct writer text = { 0 };
		derive(&d, cases[i].root, cases[i].type, &v);
		write_hex(&text, secret_view(&v.private_part));
		assert_true(bytes_equal_string(writer_view(&text), cases[i].key));
		assert_true(v.is_set && v.definition == &d);
		assert_null(v.public_part.data);
		assert_null(v.certificate.data);
	}
}

static void the_longest_key_can_be_derived(void **state)
{
	(void)state;
	struct secret_definition d = disk_key(DERIVED_BITS_MAX);
	CLEANUP(secret_value_free) struct secret_value v = { 0 };
	CLEANUP(writer_free) struct writer text = { 0 };
	uint8_t hash[32];
	derive(&d, 0, "frontend", &v);
	assert_int_equal(v.private_part.size, 8160);
	EVP_Digest(v.private_part.data, v.private_part.size, hash, NULL, EVP_sha256(), NULL);
	write_hex(&text, BYTES_OF_ARRAY(hash));
	assert_true(bytes_equal_string(writer_view(&text), "2a1555c450054cb13a583f53f4e8f0a2161cdbbc18dad1"
							   "9bab04c176a8ee7542"));
}

static void what_is_not_derived_is_refused(void **state)
{
	(void)state;
	struct secret_definition shared = disk_key(128), uploaded = disk_key(128),
				 certificate = disk_key(256), empty = disk_key(0), odd = disk_key(129),
				 too_long = disk_key(DERIVED_BITS_MAX + 8);
	shared.shared = uploaded.user_defined = true;
	certificate.type = SECRET_CERT_ECDSA;
	const struct secret_definition *const bad[] = { &shared, &uploaded, &certificate, &empty, &odd,
							&too_long };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct secret_value v = { 0 };
		CLEANUP(error_free) error *e =
			secret_derive(bad[i], bytes_of_string("root"), uuid, "frontend", &v);
		assert_non_null(e);
		assert_null(v.private_part.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_those_of_public_coordinators),
		cmocka_unit_test(the_longest_key_can_be_derived),
		cmocka_unit_test(what_is_not_derived_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
