#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/pem.h>

#include "codec/pem.h"

#define BEGIN_A "-----BEGIN A-----\n"
#define END_A "-----END A-----\n"

/* OpenSSL writes the same, for every length of the last line. */
static void test_against_openssl(void **state)
{
	(void)state;
	uint8_t raw[200];
	for (size_t i = 0; i < sizeof raw; i++)
		raw[i] = (uint8_t)(i * 151);
	for (size_t size = 1; size <= sizeof raw; size++) {
		CLEANUP(writer_free) struct writer w = { 0 };
		BIO *bio = BIO_new(BIO_s_mem());
		char *expected;
		assert_true(PEM_write_bio(bio, "CERTIFICATE", "", raw, (long)size) > 0);
		long length = BIO_get_mem_data(bio, &expected);
		write_pem(&w, "CERTIFICATE", bytes_of(raw, size));
		assert_true(bytes_equal(writer_view(&w), bytes_of(expected, (size_t)length)));
		BIO_free(bio);
	}
}

/* The walk over a text as "LABEL=content;…", or the message of its failure. */
static const char *walk(bytes text)
{
	static char shown[1024];
	struct pem_walk walk = { .rest = text };
	size_t used = 0;
	shown[0] = 0;
	for (;;) {
		bool found;
		char label[64];
		CLEANUP(secret_free) struct secret content = { 0 };
		CLEANUP(error_free) error *e = pem_next(&walk, "it", &found, label, &content);
		if (e) {
			snprintf(shown, sizeof shown, "%s", error_message(e));
			assert_int_equal(error_code(e), ERROR_INVALID);
			return shown;
		}
		if (!found)
			return shown;
		used += (size_t)snprintf(shown + used, sizeof shown - used, "%s=%.*s;", label,
					 (int)content.size, (char *)content.data);
		assert_true(used < sizeof shown);
	}
}

static void assert_walk(const char *text, const char *expected)
{
	assert_string_equal(walk(bytes_of_string(text)), expected);
}

static void test_walk(void **state)
{
	(void)state;
	assert_walk("", "");
	assert_walk("no PEM here", "");
	assert_walk(BEGIN_A "Zm9v\n" END_A, "A=foo;");
	assert_walk(BEGIN_A END_A, "A=;");
	assert_walk(BEGIN_A "Zm9v\n" END_A "-----BEGIN EC PRIVATE KEY-----\nYmFy\n"
		    "-----END EC PRIVATE KEY-----", "A=foo;EC PRIVATE KEY=bar;");
	assert_walk("subject: x\n" BEGIN_A "Zm9v\n" END_A "\nrubbish\n" BEGIN_A "YmFy\n" END_A
		    "end", "A=foo;A=bar;");
	assert_walk("-----BEGIN A-----\r\nZm\r\n9v\r\n-----END A-----\r\n", "A=foo;");
	assert_walk("-----BEGIN A-----\rZm9v\r-----END A-----\r", "A=foo;");
	assert_walk("-----BEGIN A----- \n  Zm9v \t\n\tYmFy\n-----END A-----", "A=foobar;");
	assert_walk("-----BEGIN A-----Zm9v-----END A-----", "A=foo;");
	assert_walk("-----END A-----\n" BEGIN_A "Zm9v\n" END_A, "A=foo;");
}

static void test_bad(void **state)
{
	(void)state;
	assert_walk("-----BEGIN A", "it: PEM block 1 has no proper label");
	assert_walk("-----BEGIN A\n-----\n", "it: PEM block 1 has no proper label");
	assert_walk("-----BEGIN 01234567890123456789012345678901234567890123456789012345678901"
		    "23-----\n", "it: PEM block 1 has no proper label");
	assert_walk(BEGIN_A "Zm9v\n", "it: PEM block 1 (A) is not closed");
	assert_walk(BEGIN_A "Zm9v\n-----END A", "it: PEM block 1 (A) is not closed");
	assert_walk(BEGIN_A "Zm9v\n-----END B-----", "it: PEM block 1 (A) is not closed");
	assert_walk(BEGIN_A "Zm9v\n" END_A BEGIN_A "Z\n", "it: PEM block 2 (A) is not closed");
	assert_walk(BEGIN_A BEGIN_A "Zm9v\n" END_A,
		    "it: PEM block 1 (A): content: no base64 at position 1");
	assert_walk(BEGIN_A "Zm9\n" END_A,
		    "it: PEM block 1 (A): content: base64 is cut off at its end");
	assert_walk(BEGIN_A "Zm9v\n" END_A BEGIN_A "Z!\n" END_A,
		    "it: PEM block 2 (A): content: no base64 at position 2");
	assert_walk(BEGIN_A "Proc-Type: 4,ENCRYPTED\n\nZm9v\n" END_A,
		    "it: PEM block 1 (A): content: no base64 at position 5");
	static const char nul[] = "-----BEGIN A\0B-----\nZm9v\n-----END A\0B-----";
	assert_string_equal(walk(BYTES_OF_ARRAY(nul)), "it: PEM block 1 has no proper label");
}

/* A label of 63 characters fits its buffer. */
static void test_longest_label(void **state)
{
	(void)state;
	char text[256], label[64], expected[80];
	memset(label, 'L', 63);
	label[63] = 0;
	snprintf(text, sizeof text, "-----BEGIN %s-----\nZm9v\n-----END %s-----\n", label, label);
	snprintf(expected, sizeof expected, "%s=foo;", label);
	assert_walk(text, expected);
}

/* Every shorter text: nothing is found, or it is refused, or the block is whole. */
static void test_every_length(void **state)
{
	(void)state;
	static const char text[] = BEGIN_A "Zm9v\n" END_A;
	for (size_t length = 0; length < sizeof text; length++) {
		CLEANUP_FREE char *copy = malloc(length ? length : 1);
		assert_non_null(copy);
		memcpy(copy, text, length);
		const char *got = walk(bytes_of(copy, length));
		bool begun = length >= strlen("-----BEGIN "), ended = length >= sizeof text - 2;
		if (ended || !begun)
			assert_string_equal(got, ended ? "A=foo;" : "");
		else
			assert_non_null(strstr(got, "it: PEM block 1"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_openssl), cmocka_unit_test(test_walk),
		cmocka_unit_test(test_bad),		cmocka_unit_test(test_longest_label),
		cmocka_unit_test(test_every_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
