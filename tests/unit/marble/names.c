#include "testing.h"

#include "marble/names.h"

/* "DNS:a,IP:1.2.3.4,…" */
static void assert_names(const char *text, const char *expected)
{
	CLEANUP(general_names_free) GENERAL_NAMES *names = NULL;
	char printed[512] = "";
	must(names_parse(text, &names));
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		size_t at = strlen(printed);
		const unsigned char *data = ASN1_STRING_get0_data(name->d.ia5);
		int size = ASN1_STRING_length(name->d.ia5);
		if (name->type == GEN_DNS)
			snprintf(printed + at, sizeof printed - at, "DNS:%.*s ", size, (const char *)data);
		else
			snprintf(printed + at, sizeof printed - at, "IP%d:%d.%d ", size, data[0],
				 data[size - 1]);
	}
	assert_string_equal(printed, expected);
}

static void names_and_addresses(void **state)
{
	(void)state;
	assert_names("a.example,192.0.2.9", "DNS:a.example IP4:192.9 ");
	assert_names(" a , ,*.b.example,", "DNS:a DNS:*.b.example ");
	assert_names("2001:db8::7", "IP16:32.7 ");
	assert_names("", "");
}

static void localhost_is_its_addresses_too(void **state)
{
	(void)state;
	assert_names("localhost", "DNS:localhost IP4:127.1 IP16:0.1 ");
}

static void what_is_no_name(void **state)
{
	(void)state;
	GENERAL_NAMES *names = NULL;
	assert_refused(names_parse("two words", &names), ERROR_INVALID, "\"two words\"", "DNS name");
	assert_refused(names_parse("a\nb", &names), ERROR_INVALID, "DNS name");
	assert_refused(names_parse("ok,http://x", &names), ERROR_INVALID, "\"http://x\"");
	assert_null(names);
}

static void limits(void **state)
{
	(void)state;
	GENERAL_NAMES *names = NULL;
	char text[1024];
	memset(text, 'a', sizeof text);
	text[254] = 0;
	assert_refused(names_parse(text, &names), ERROR_TOO_LARGE, "253");
	for (size_t i = 0; i < 202; i += 2)
		memcpy(text + i, "a,", 3);
	assert_refused(names_parse(text, &names), ERROR_TOO_LARGE, "100");
	text[200] = 0;
	must(names_parse(text, &names));
	GENERAL_NAMES_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_addresses), cmocka_unit_test(localhost_is_its_addresses_too),
		cmocka_unit_test(what_is_no_name), cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
