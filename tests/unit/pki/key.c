#include <openssl/err.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "pki/key.h"

static const struct {
	enum key_kind kind;
	int type, bits;
} kinds[] = {
	{ KEY_P224, EVP_PKEY_EC, 224 },	 { KEY_P256, EVP_PKEY_EC, 256 },
	{ KEY_P384, EVP_PKEY_EC, 384 },	 { KEY_P521, EVP_PKEY_EC, 521 },
	{ KEY_ED25519, EVP_PKEY_ED25519, 256 }, { KEY_RSA, EVP_PKEY_RSA, 2048 },
};

static void generate(enum key_kind kind, EVP_PKEY **ret)
{
	error *e = key_generate(kind, kind == KEY_RSA ? 2048 : 0, ret);
	if (e)
		fail_msg("%s", error_message(e));
}

static void keys_are_of_the_kind_asked_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		CLEANUP(EVP_PKEY_free) EVP_PKEY *one = NULL;
		CLEANUP(EVP_PKEY_free) EVP_PKEY *other = NULL;
		generate(kinds[i].kind, &one);
		assert_int_equal(EVP_PKEY_get_base_id(one), kinds[i].type);
		if (kinds[i].kind != KEY_ED25519)
			assert_int_equal(EVP_PKEY_get_bits(one), kinds[i].bits);
		if (kinds[i].kind == KEY_RSA)
			continue;
		generate(kinds[i].kind, &other);
		assert_int_not_equal(EVP_PKEY_eq(one, other), 1);
	}
	assert_int_equal(ERR_peek_error(), 0);
}

static void rsa_sizes_are_bounded(void **state)
{
	(void)state;
	static const unsigned bad[] = { 0, 1024, 2047, 8193, 1 << 20 };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EVP_PKEY *key = NULL;
		CLEANUP(error_free) error *e = key_generate(KEY_RSA, bad[i], &key);
		assert_non_null(e);
		assert_int_equal(error_code(e), ERROR_INVALID);
		assert_non_null(strstr(error_message(e), "2048 to 8192"));
		assert_null(key);
	}
}

static void assert_encodings(EVP_PKEY *key)
{
	CLEANUP(secret_free) struct secret private = { 0 };
	CLEANUP(blob_free) struct blob public = { 0 };
	unsigned char *der = NULL;
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	assert_null(key_private_der(key, &private));
	assert_int_equal(i2d_PKCS8_PRIV_KEY_INFO(info, &der), private.size);
	assert_memory_equal(der, private.data, private.size);
	PKCS8_PRIV_KEY_INFO_free(info);
	OPENSSL_free(der);
	der = NULL;
	assert_null(key_public_der(key, &public));
	assert_int_equal(i2d_PUBKEY(key, &der), public.size);
	assert_memory_equal(der, public.data, public.size);
	OPENSSL_free(der);
}

/* Keys with leading zeros in a number are what an encoding by hand gets wrong: one in 256 has
 * some. */
static void encodings_are_those_of_openssl(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int rounds = kinds[i].kind == KEY_RSA ? 1 : kinds[i].kind == KEY_P256 ? 1000 : 50;
		for (int round = 0; round < rounds; round++) {
			CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
			generate(kinds[i].kind, &key);
			assert_encodings(key);
		}
	}
}

static void private_keys_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
		CLEANUP(EVP_PKEY_free) EVP_PKEY *back = NULL;
		CLEANUP(secret_free) struct secret der = { 0 };
		generate(kinds[i].kind, &key);
		assert_null(key_private_der(key, &der));
		assert_null(key_of_private_der(secret_view(&der), &back));
		assert_int_equal(EVP_PKEY_eq(key, back), 1);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void broken_private_keys_are_refused(void **state)
{
	(void)state;
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
	CLEANUP(secret_free) struct secret der = { 0 };
	generate(KEY_P256, &key);
	assert_null(key_private_der(key, &der));
	CLEANUP_FREE uint8_t *longer = calloc(1, PRIVATE_KEY_DER_MAX + 1);
	memcpy(longer, der.data, der.size);
	for (size_t size = 0; size <= der.size + 1; size++) {
		CLEANUP(EVP_PKEY_free) EVP_PKEY *back = NULL;
		CLEANUP(error_free) error *e = key_of_private_der(bytes_of(longer, size), &back);
		assert_true(size == der.size ? e == NULL : e != NULL);
		assert_int_equal(ERR_peek_error(), 0);
	}
	CLEANUP(EVP_PKEY_free) EVP_PKEY *back = NULL;
	CLEANUP(error_free) error *e = key_of_private_der(bytes_of(longer, PRIVATE_KEY_DER_MAX + 1), &back);
	assert_non_null(e);
	assert_int_equal(error_code(e), ERROR_TOO_LARGE);
}

static void signatures_verify_and_only_over_the_message(void **state)
{
	(void)state;
	static const char message[] = "message", other[] = "massage";
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
		CLEANUP(blob_free) struct blob signature = { 0 };
		const EVP_MD *digest = kinds[i].kind == KEY_ED25519 ? NULL : EVP_sha256();
		generate(kinds[i].kind, &key);
		assert_null(key_sign(key, bytes_of_string(message), &signature));
		for (int right = 0; right < 2; right++) {
			EVP_MD_CTX *ctx = EVP_MD_CTX_new();
			EVP_DigestVerifyInit(ctx, NULL, digest, NULL, key);
			assert_int_equal(EVP_DigestVerify(ctx, signature.data, signature.size,
							  (const uint8_t *)(right ? message : other),
							  strlen(message)), right);
			EVP_MD_CTX_free(ctx);
		}
		ERR_clear_error();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_of_the_kind_asked_for),
		cmocka_unit_test(rsa_sizes_are_bounded),
		cmocka_unit_test(encodings_are_those_of_openssl),
		cmocka_unit_test(private_keys_come_back),
		cmocka_unit_test(broken_private_keys_are_refused),
		cmocka_unit_test(signatures_verify_and_only_over_the_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
