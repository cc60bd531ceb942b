#include "../marble/testing.h"

#include "ttls/record.h"

static const uint16_t suites[] = { 0x1301, 0x1302, 0x1303 };

static struct record_keys keys_of(uint16_t suite, const uint8_t *secret, bool sealing)
{
	struct record_keys keys = { 0 };
	assert_true(record_keys_make(cipher_suite_of(suite), secret, sealing, &keys));
	return keys;
}

static size_t seal_text(struct record_keys *keys, uint64_t sequence, const char *text, uint8_t *to)
{
	/* in two parts, to see that they are gathered */
	size_t size = strlen(text), half = size / 2;
	struct iovec parts[] = { { (char *)(uintptr_t)text, half }, { (char *)(uintptr_t)text + half, size - half } };
	assert_true(record_seal(keys, sequence, RECORD_DATA, parts, size, to));
	return size + RECORD_OVERHEAD;
}

static void what_was_sealed_opens(void **state)
{
	(void)state;
	static const uint8_t secret[TRAFFIC_SECRET_MAX] = "a secret of forty-eight bytes, or fewer";
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		struct record_keys sealing = keys_of(suites[i], secret, true);
		struct record_keys opening = keys_of(suites[i], secret, false);
		for (uint64_t sequence = 0; sequence < 5; sequence++) {
			uint8_t record[100];
			enum record_type type;
			size_t size = seal_text(&sealing, sequence << 40, "some words", record), plain;
			assert_int_equal(record_size(record), size);
			assert_true(record_open(&opening, sequence << 40, record, size, &type, &plain));
			assert_int_equal(type, RECORD_DATA);
			assert_int_equal(plain, 10);
			assert_memory_equal(record + RECORD_HEADER, "some words", 10);
		}
		record_keys_free(&sealing);
		record_keys_free(&opening);
	}
}

static void nothing_else_opens(void **state)
{
	(void)state;
	static const uint8_t secret[TRAFFIC_SECRET_MAX] = { 1 };
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		struct record_keys sealing = keys_of(suites[i], secret, true);
		struct record_keys opening = keys_of(suites[i], secret, false);
		uint8_t good[64], bad[64];
		enum record_type type;
		size_t size = seal_text(&sealing, 7, "words", good), plain;
		for (size_t bit = 0; bit < 8 * size; bit++) {
			memcpy(bad, good, size);
			bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(record_open(&opening, 7, bad, size, &type, &plain));
		}
		for (size_t cut = RECORD_HEADER; cut < size; cut++) {
			memcpy(bad, good, size);
			assert_false(record_open(&opening, 7, bad, cut, &type, &plain));
		}
		memcpy(bad, good, size);
		assert_false(record_open(&opening, 8, bad, size, &type, &plain));
		assert_true(record_open(&opening, 7, good, size, &type, &plain));
		record_keys_free(&sealing);
		record_keys_free(&opening);
	}
}

/* RFC 8448, section 3: the client's application data in the simple 1-RTT handshake. */
static void a_record_of_rfc_8448(void **state)
{
	(void)state;
	static const uint8_t secret[32] = { 0x9e, 0x40, 0x64, 0x6c, 0xe7, 0x9a, 0x7f, 0x9d, 0xc0, 0x5a, 0xf8,
					    0x88, 0x9b, 0xce, 0x65, 0x52, 0x87, 0x5a, 0xfa, 0x0b, 0x06, 0xdf,
					    0x00, 0x87, 0xf7, 0x92, 0xeb, 0xb7, 0xc1, 0x75, 0x04, 0xa5 };
	static const uint8_t expected[] = {
		0x17, 0x03, 0x03, 0x00, 0x43, 0xa2, 0x3f, 0x70, 0x54, 0xb6, 0x2c, 0x94, 0xd0, 0xaf, 0xfa,
		0xfe, 0x82, 0x28, 0xba, 0x55, 0xcb, 0xef, 0xac, 0xea, 0x42, 0xf9, 0x14, 0xaa, 0x66, 0xbc,
		0xab, 0x3f, 0x2b, 0x98, 0x19, 0xa8, 0xa5, 0xb4, 0x6b, 0x39, 0x5b, 0xd5, 0x4a, 0x9a, 0x20,
		0x44, 0x1e, 0x2b, 0x62, 0x97, 0x4e, 0x1f, 0x5a, 0x62, 0x92, 0xa2, 0x97, 0x70, 0x14, 0xbd,
		0x1e, 0x3d, 0xea, 0xe6, 0x3a, 0xee, 0xbb, 0x21, 0x69, 0x49, 0x15, 0xe4
	};
	uint8_t content[50], record[sizeof expected];
	for (uint8_t i = 0; i < sizeof content; i++)
		content[i] = i;
	struct record_keys sealing = keys_of(0x1301, secret, true);
	const struct iovec part = { content, sizeof content };
	assert_true(record_seal(&sealing, 0, RECORD_DATA, &part, sizeof content, record));
	assert_memory_equal(record, expected, sizeof expected);
	record_keys_free(&sealing);
}

static void a_new_secret_for_each_key_update(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		uint8_t secret[TRAFFIC_SECRET_MAX] = { 3 }, before[TRAFFIC_SECRET_MAX];
		memcpy(before, secret, sizeof before);
		assert_true(traffic_secret_update(cipher_suite_of(suites[i]), secret));
		assert_memory_not_equal(secret, before, 32);
	}
}

static void headers(void **state)
{
	(void)state;
	static const struct {
		uint8_t header[RECORD_HEADER];
		size_t size;
	} cases[] = {
		{ { 23, 3, 3, 0, 1 }, 6 },
		{ { 22, 3, 1, 1, 0 }, 261 },
		{ { 23, 3, 3, 0x41, 0 }, RECORD_MAX },
		{ { 23, 3, 3, 0x41, 1 }, 0 },
		{ { 23, 3, 3, 0, 0 }, 0 },
		{ { 19, 3, 3, 0, 9 }, 0 },
		{ { 24, 3, 3, 0, 9 }, 0 },
		{ { 23, 2, 3, 0, 9 }, 0 },
		{ { 23, 3, 5, 0, 9 }, 0 },
		{ { 'G', 'E', 'T', ' ', '/' }, 0 },
		{ { 0x80, 0x2e, 1, 0, 2 }, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(record_size(cases[i].header), cases[i].size);
	assert_null(cipher_suite_of(0x1304));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sealed_opens),
		cmocka_unit_test(nothing_else_opens),
		cmocka_unit_test(a_record_of_rfc_8448),
		cmocka_unit_test(a_new_secret_for_each_key_update),
		cmocka_unit_test(headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
