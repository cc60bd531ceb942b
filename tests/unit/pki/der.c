#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/blob.h"
#include "pki/der.h"

static void lengths_are_those_of_openssl(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 24 };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CLEANUP(writer_free) struct writer w = { 0 };
		CLEANUP_FREE uint8_t *content = calloc(1, sizes[i] + 1);
		uint8_t header[8], *end = header;
		ASN1_put_object(&end, 0, (int)sizes[i], V_ASN1_OCTET_STRING, V_ASN1_UNIVERSAL);
		write_der(&w, DER_OCTET_STRING, bytes_of(content, sizes[i]));
		assert_int_equal(w.size, (size_t)(end - header) + sizes[i]);
		assert_memory_equal(w.data, header, (size_t)(end - header));
	}
}

static void objects_and_bits_are_those_of_openssl(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer w = { 0 };
	unsigned char *der = NULL;
	write_der_object(&w, OBJ_nid2obj(NID_ext_key_usage));
	assert_int_equal(i2d_ASN1_OBJECT(OBJ_nid2obj(NID_ext_key_usage), &der), w.size);
	assert_memory_equal(w.data, der, w.size);
	OPENSSL_free(der);
	writer_reset(&w);
	write_der_bits(&w, bytes_of("ab", 2));
	assert_int_equal(w.size, 5);
	assert_memory_equal(w.data, "\x03\x03\0ab", 5);
}

static void failures_are_handed_up(void **state)
{
	(void)state;
	CLEANUP(writer_free) struct writer inner = { .limit = 3 }, outer = { 0 };
	write_der(&inner, DER_OCTET_STRING, bytes_of("ab", 2));
	write_der_nested(&outer, DER_SEQUENCE, &inner);
	CLEANUP(error_free) error *e = writer_check(&outer, "test");
	assert_non_null(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_are_those_of_openssl),
		cmocka_unit_test(objects_and_bits_are_those_of_openssl),
		cmocka_unit_test(failures_are_handed_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
