#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "codec/base64.h"

static error *decode(const char *text, struct blob *ret)
{
	return base64_decode(bytes_of_string(text), "it", ret);
}

/* RFC 4648, section 10. */
static const struct {
	const char *raw, *text, *url;
} vectors[] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xef\xff", "++//", "--__" },
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		bytes raw = bytes_of_string(vectors[i].raw);
		CLEANUP(writer_free) struct writer w = { 0 };
		CLEANUP(writer_free) struct writer url = { 0 };
		CLEANUP(blob_free) struct blob back = { 0 };
		CLEANUP(blob_free) struct blob url_back = { 0 };
		write_base64(&w, raw);
		write_base64url(&url, raw);
		assert_true(bytes_equal_string(writer_view(&w), vectors[i].text));
		assert_true(bytes_equal_string(writer_view(&url), vectors[i].url));
		assert_null(decode(vectors[i].text, &back));
		assert_true(bytes_equal(blob_view(&back), raw));
		assert_null(base64url_decode(bytes_of_string(vectors[i].url), "it", &url_back));
		assert_true(bytes_equal(blob_view(&url_back), raw));
	}
}

/* OpenSSL's encoder says the same for every length, and we read what it wrote. */
static void test_against_openssl(void **state)
{
	(void)state;
	uint8_t raw[1600], text[2140];
	for (size_t i = 0; i < sizeof raw; i++)
		raw[i] = (uint8_t)(i * 151 + (i >> 3) * 29);
	for (size_t size = 0; size <= sizeof raw; size++) {
		CLEANUP(writer_free) struct writer w = { 0 };
		CLEANUP(secret_free) struct secret back = { 0 };
		int length = EVP_EncodeBlock(text, raw, (int)size);
		write_base64(&w, bytes_of(raw, size));
		assert_true(bytes_equal(writer_view(&w), bytes_of(text, (size_t)length)));
		assert_null(base64_decode_secret(writer_view(&w), "it", &back));
		assert_true(bytes_equal(secret_view(&back), bytes_of(raw, size)));
	}
}

static void test_lines(void **state)
{
	(void)state;
	static const char *const texts[] = { "Zm9v\nYmFy", "Zm9v\r\nYmFy\r\n", "\n\nZ\nm9vYmF\ny",
					     "Zm9vYmFy\n" };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(blob_free) struct blob back = { 0 };
		assert_null(decode(texts[i], &back));
		assert_true(bytes_equal_string(blob_view(&back), "foobar"));
	}
	CLEANUP(blob_free) struct blob back = { 0 };
	assert_null(decode("Zg=\n=\n", &back));
	assert_true(bytes_equal_string(blob_view(&back), "f"));
}

static void test_bad(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "Z", "it: base64 is cut off at its end" },
		{ "Zg", "it: base64 is cut off at its end" },
		{ "Zg=", "it: base64 is cut off at its end" },
		{ "Zm9vY", "it: base64 is cut off at its end" },
		{ "=", "it: no base64 at position 0" },
		{ "Z===", "it: no base64 at position 1" },
		{ "Zg===", "it: no base64 at position 4" },
		{ "Zm8==", "it: no base64 at position 4" },
		{ "Zm9v=", "it: no base64 at position 4" },
		{ "Zg==Zg==", "it: no base64 at position 4" },
		{ "Zg=A", "it: no base64 at position 3" },
		{ "Zm 9v", "it: no base64 at position 2" },
		{ "Zm9-", "it: no base64 at position 3" },
		{ "Zm9\xc3", "it: no base64 at position 3" },
		{ "Zh==", "it: base64 with stray bits at its end" },
		{ "Zm9=", "it: base64 with stray bits at its end" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct blob untouched = { 0 };
		CLEANUP(error_free) error *e = decode(bad[i].text, &untouched);
		assert_non_null(e);
		assert_string_equal(error_message(e), bad[i].message);
		assert_int_equal(error_code(e), ERROR_INVALID);
		assert_null(untouched.data);
	}
	struct blob untouched = { 0 };
	CLEANUP(error_free) error *e = base64_decode(bytes_of("Zm9\0", 4), "it", &untouched);
	assert_string_equal(error_message(e), "it: no base64 at position 3");
}

static void test_url(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob padded = { 0 };
	struct blob untouched = { 0 };
	assert_null(base64url_decode(bytes_of_string("Zg=="), "it", &padded));
	assert_true(bytes_equal_string(blob_view(&padded), "f"));
	static const char *const bad[] = { "Zg=", "+/+/", "Z", "Zh" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(error_free)
		error *e = base64url_decode(bytes_of_string(bad[i]), "it", &untouched);
		assert_int_equal(error_code(e), ERROR_INVALID);
	}
}

/* Of all characters, the 64 of the alphabet are let through. */
static void test_every_character(void **state)
{
	(void)state;
	size_t accepted = 0, accepted_url = 0;
	for (int c = 0; c < 256; c++) {
		char text[] = "AAAA";
		CLEANUP(blob_free) struct blob back = { 0 };
		CLEANUP(blob_free) struct blob back_url = { 0 };
		if (c == '\r' || c == '\n' || c == '=')
			continue;
		text[3] = (char)c;
		CLEANUP(error_free) error *e = base64_decode(bytes_of(text, 4), "it", &back);
		CLEANUP(error_free)
		error *url = base64url_decode(bytes_of(text, 4), "it", &back_url);
		accepted += !e;
		accepted_url += !url;
	}
	assert_int_equal(accepted, 64);
	assert_int_equal(accepted_url, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_against_openssl),
		cmocka_unit_test(test_lines),	cmocka_unit_test(test_bad),
		cmocka_unit_test(test_url),	cmocka_unit_test(test_every_character),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
