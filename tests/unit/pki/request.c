/* Requests by file: good ones give their names, each bad one its own reason. */
#include <dirent.h>
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "pki/certificate.h"

static void read_request(const char *name, struct blob *ret)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s.der", REQUESTS, name);
	assert_null(file_read(path, 1 << 20, ret));
}

/* "localhost 10.0.0.7": names and addresses, as text. */
static void assert_names(const char *file, const char *expected)
{
	CLEANUP(blob_free) struct blob der = { 0 };
	CLEANUP(san_free) struct san_list names = { 0 };
	CLEANUP(writer_free) struct writer text = { 0 };
	read_request(file, &der);
	error *e = request_names(blob_view(&der), &names);
	if (e)
		fail_msg("%s: %s", file, error_message(e));
	for (size_t i = 0; i < names.count; i++) {
		const struct san *name = &names.items[i];
		write_string(&text, i ? " " : "");
		if (!name->is_ip)
			write_string(&text, name->name);
		for (size_t j = 0; j < name->ip_size; j++)
			write_format(&text, "%s%u", j ? "." : "ip:", name->ip[j]);
	}
	write_u8(&text, 0);
	assert_string_equal(text.data, expected);
	assert_int_equal(ERR_peek_error(), 0);
}

static void good_requests_give_their_names(void **state)
{
	(void)state;
	assert_names("good-p224", "localhost");
	assert_names("good-p256", "localhost");
	assert_names("good-p384", "localhost");
	assert_names("good-p521", "localhost");
	assert_names("good-rsa", "localhost");
	assert_names("good-rsa-pss", "localhost");
	assert_names("good-ed25519", "localhost");
	assert_names("good-ed448", "localhost");
	assert_names("good-no-attributes", "");
	assert_names("good-no-names", "");
	assert_names("good-all-kinds",
		     "*.mesh.example ip:10.0.0.7 ip:0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1 ip:10.0.0.8");
	assert_names("good-repeated", "localhost");
	assert_names("good-blanks", "a b");
	assert_names("good-address-as-dns", "10.0.0.7");
}

static const struct refusal {
	const char *file, *reason;
} refusals[] = {
	{ "bad-empty", "not a PKCS#10 request" },
	{ "bad-truncated", "not a PKCS#10 request" },
	{ "bad-trailing-byte", "1 bytes behind it" },
	{ "bad-certificate", "not a PKCS#10 request" },
	{ "bad-signature", "signature does not verify" },
	{ "bad-signature-of-another-key", "signature does not verify" },
	{ "bad-no-signature", "signature does not verify" },
	{ "bad-sha1", "signature algorithm sha1WithRSAEncryption" },
	{ "bad-md5", "signature algorithm md5WithRSAEncryption" },
	{ "bad-unknown-algorithm", "signature algorithm 1.3.9903.99" },
	{ "bad-algorithm-of-another-key-type", "signature does not verify" },
	{ "bad-dsa", "its key is of type dsaEncryption" },
	{ "bad-unknown-key-type", "its key is of type 1.3.9903.98" },
	{ "bad-point-not-on-curve", "its key: no point of the curve" },
	{ "bad-key-empty", "its key: no point of the curve" },
	{ "bad-rsa-key-content", "its key can't be used" },
	{ "bad-curve-unknown", "its key is on an unknown curve" },
	{ "bad-explicit-curve", "its key is on an unknown curve" },
	{ "bad-rsa-16448-bits", "its key has 16448 bits: at most 16384" },
	{ "bad-rsa-16384-bits-huge-exponent", "signature does not verify" },
	{ "bad-rsa-2048-bits-huge-exponent", "signature does not verify" },
	{ "bad-two-extension-requests", "more than one extensionRequest" },
	{ "bad-two-values", "not one SEQUENCE" },
	{ "bad-extension-request-no-value", "not one SEQUENCE" },
	{ "bad-extension-request-integer", "not one SEQUENCE" },
	{ "bad-extension-request-content", "holds no extensions" },
	{ "bad-two-name-extensions", "more than one subjectAltName" },
	{ "bad-name-extension-content", "its subjectAltName is broken" },
	{ "bad-address-5-bytes", "subjectAltName 1: an IP address of 5 bytes" },
	{ "bad-address-empty", "subjectAltName 1: an IP address of 0 bytes" },
	{ "bad-name-nul", "character 0x00 at position 9" },
	{ "bad-name-line-feed", "character 0x0a at position 9" },
	{ "bad-name-blank-inside", "character 0x20 at position 5" },
	{ "bad-name-utf8", "character 0xc3 at position 1" },
	{ "bad-name-254-characters", "254 characters: at most 253" },
	{ "bad-101-names", "subjectAltName 101: more than 100 names" },
};

/* The reason for which a file must be refused; fails for a file that the table does not know. */
static const char *expected_reason(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		if (strcmp(refusals[i].file, file) == 0)
			return refusals[i].reason;
	fail_msg("%s: no reason in the table", file);
	return "";
}

static void bad_requests_are_refused(void **state)
{
	(void)state;
	size_t seen = 0;
	DIR *folder = opendir(REQUESTS);
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (strncmp(entry->d_name, "bad-", 4) != 0)
			continue;
		char name[64];
		snprintf(name, sizeof name, "%.*s", (int)strlen(entry->d_name) - 4, entry->d_name);
		CLEANUP(blob_free) struct blob der = { 0 };
		CLEANUP(san_free) struct san_list names = { 0 };
		read_request(name, &der);
		int64_t start = clock_monotonic_ms();
		CLEANUP(error_free) error *e = request_names(blob_view(&der), &names);
		assert_true(clock_monotonic_ms() - start < 1000);
		if (!e || !strstr(error_message(e), expected_reason(name)))
			fail_msg("%s: %s", name, e ? error_message(e) : "accepted");
		assert_null(names.items);
		assert_int_equal(ERR_peek_error(), 0);
		seen++;
	}
	closedir(folder);
	assert_int_equal(seen, ARRAY_SIZE(refusals));
}

static void every_prefix_is_refused(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob der = { 0 };
	read_request("good-all-kinds", &der);
	for (size_t size = 0; size < der.size; size++) {
		/* an allocation of its own, so that a read past its end is seen */
		CLEANUP(blob_free) struct blob part = { 0 };
		CLEANUP(san_free) struct san_list names = { 0 };
		assert_null(blob_copy(bytes_of(der.data, size), &part));
		CLEANUP(error_free) error *e = request_names(blob_view(&part), &names);
		assert_non_null(e);
	}
}

/* Any single bit: either the signature or the structure notices. */
static void every_changed_byte_is_refused(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob der = { 0 };
	read_request("good-p256", &der);
	for (size_t i = 0; i < der.size; i++) {
		CLEANUP(san_free) struct san_list names = { 0 };
		der.data[i] ^= 1;
		CLEANUP(error_free) error *e = request_names(blob_view(&der), &names);
		der.data[i] ^= 1;
		if (!e)
			fail_msg("byte %zu changed: accepted", i);
	}
}

static void too_large_a_request_is_refused_unread(void **state)
{
	(void)state;
	CLEANUP(san_free) struct san_list names = { 0 };
	CLEANUP_FREE uint8_t *large = calloc(1, REQUEST_DER_MAX + 1);
	CLEANUP(error_free) error *e = request_names(bytes_of(large, REQUEST_DER_MAX + 1), &names);
	assert_non_null(e);
	assert_int_equal(error_code(e), ERROR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests_give_their_names),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(every_changed_byte_is_refused),
		cmocka_unit_test(too_large_a_request_is_refused_unread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
