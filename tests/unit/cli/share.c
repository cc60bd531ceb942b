#include "testing.h"

#include <openssl/rsa.h>

#include "base/writer.h"
#include "cli/share.h"
#include "codec/base64.h"

static EVP_PKEY *ours, *other;
static const uint8_t plain[33] = "a share of thirty-three bytes ...";

static int make_keys(void **state)
{
	(void)state;
	ours = EVP_RSA_gen(2048);
	other = EVP_RSA_gen(2048);
	return ours && other ? 0 : -1;
}

static int free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(ours);
	EVP_PKEY_free(other);
	return 0;
}

static void seal(size_t size, EVP_PKEY *to, struct blob *ret)
{
	CLEANUP(secret_free) struct secret share = { 0 };
	must(secret_copy(bytes_of(plain, size), &share));
	must(share_encrypt(&share, to, ret));
}

static void assert_share(bytes content, EVP_PKEY *key, size_t size)
{
	CLEANUP(secret_free) struct secret share = { 0 };
	must(share_of(content, "file", key, &share));
	assert_true(secret_equal(secret_view(&share), bytes_of(plain, size)));
}

static void decrypted_already(void **state)
{
	(void)state;
	static const size_t sizes[] = { 16, 32, 33 };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_share(bytes_of(plain, sizes[i]), NULL, sizes[i]);
}

static void encrypted(void **state)
{
	(void)state;
	static const size_t sizes[] = { 16, 32, 33 };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CLEANUP(blob_free) struct blob sealed = { 0 };
		CLEANUP(writer_free) struct writer text = { 0 };
		seal(sizes[i], ours, &sealed);
		assert_share(blob_view(&sealed), ours, sizes[i]);
		write_base64(&text, blob_view(&sealed));
		write_string(&text, "\n");
		assert_share(writer_view(&text), ours, sizes[i]);
	}
}

static void in_recovery_data(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob mine = { 0 };
	CLEANUP(blob_free) struct blob theirs = { 0 };
	CLEANUP(writer_free) struct writer text = { 0 };
	CLEANUP(secret_free) struct secret share = { 0 };
	seal(33, ours, &mine);
	seal(32, other, &theirs);
	write_string(&text, "{\"RecoverySecrets\": {\"other\": \"");
	write_base64(&text, blob_view(&theirs));
	write_string(&text, "\", \"ours\": \"");
	write_base64(&text, blob_view(&mine));
	write_string(&text, "\"}}");
	assert_share(writer_view(&text), ours, 33);
	assert_share(writer_view(&text), other, 32);
	assert_refused(share_of(writer_view(&text), "file", NULL, &share), ERROR_INVALID, "--key");
	EVP_PKEY *third = EVP_RSA_gen(2048);
	assert_refused(share_of(writer_view(&text), "file", third, &share), ERROR_DENIED, "none of the 2");
	EVP_PKEY_free(third);
}

static void mistakes(void **state)
{
	(void)state;
	CLEANUP(secret_free) struct secret share = { 0 };
	CLEANUP(blob_free) struct blob sealed = { 0 };
	static const uint8_t odd[31] = { 1 };
	static const char *const bad[] = { "{}", "{\"RecoverySecrets\": {}}", "{\"RecoverySecrets\": []}",
					   "{\"RecoverySecrets\": {\"a\": 1}}",
					   "{\"RecoverySecrets\": {\"a\": \"?????\"}}" };
	seal(32, ours, &sealed);
	assert_refused(share_of(BYTES_EMPTY, "file", ours, &share), ERROR_INVALID, "file is empty");
	assert_refused(share_of(blob_view(&sealed), "file", NULL, &share), ERROR_INVALID, "--key");
	assert_refused(share_of(blob_view(&sealed), "file", other, &share), ERROR_DENIED, "another party");
	assert_refused(share_of(BYTES_OF_ARRAY(odd), "file", ours, &share), ERROR_DENIED, "no recovery secret");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_refused(share_of(bytes_of_string(bad[i]), "file", ours, &share), ERROR_INVALID, "file");
	sealed.data[sealed.size - 1] ^= 1;
	assert_refused(share_of(blob_view(&sealed), "file", ours, &share), ERROR_DENIED, "file");
	assert_null(share.data);
}

/* Encrypted to us, but not of a share's size. */
static void of_another_size(void **state)
{
	(void)state;
	CLEANUP(secret_free) struct secret share = { 0 };
	CLEANUP(blob_free) struct blob sealed = { 0 };
	seal(31, ours, &sealed);
	assert_refused(share_of(blob_view(&sealed), "file", ours, &share), ERROR_DENIED, "no recovery secret");
}

static void signed_by_the_key(void **state)
{
	(void)state;
	CLEANUP(secret_free) struct secret share = { 0 };
	CLEANUP(blob_free) struct blob signature = { 0 };
	EVP_PKEY_CTX *context = NULL;
	must(secret_copy(BYTES_OF_ARRAY(plain), &share));
	must(share_sign(&share, ours, &signature));
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestVerifyInit(digest, &context, EVP_sha256(), NULL, ours), 1);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0);
	assert_int_equal(EVP_DigestVerify(digest, signature.data, signature.size, plain, sizeof plain), 1);
	EVP_MD_CTX_free(digest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decrypted_already), cmocka_unit_test(encrypted),
		cmocka_unit_test(in_recovery_data),  cmocka_unit_test(mistakes),
		cmocka_unit_test(of_another_size),   cmocka_unit_test(signed_by_the_key),
	};
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
