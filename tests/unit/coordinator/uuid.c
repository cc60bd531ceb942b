/* UUIDs in the forms that marbles use, and everything near them that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "coordinator/uuid.h"

static const char canonical[] = "0f8fad5b-d9cb-469f-a165-70867728950e";

static void accepts_every_usual_form(void **state)
{
	(void)state;
	static const char *const forms[] = {
		"0f8fad5b-d9cb-469f-a165-70867728950e",
		"0F8FAD5B-D9CB-469F-A165-70867728950E",
		"0f8fad5bd9cb469fa16570867728950e",
		"urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e",
		"URN:UUID:0f8fad5b-d9cb-469f-a165-70867728950e",
		"{0f8fad5b-d9cb-469f-a165-70867728950e}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		char text[37];
		assert_null(uuid_parse(bytes_of_string(forms[i]), text));
		assert_string_equal(text, canonical);
	}
}

static void refuses(bytes text)
{
	char out[37] = "untouched";
	error *e = uuid_parse(text, out);
	assert_non_null(e);
	assert_int_equal(error_code(e), ERROR_INVALID);
	assert_string_equal(out, "untouched");
	error_free(e);
}

static void refuses_everything_else(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "frontend", "0f8fad5b-d9cb-469f-a165-70867728950",
		"0f8fad5b-d9cb-469f-a165-70867728950e0", "0f8fad5b-d9cb-469f-a165_70867728950e",
		"0f8fad5b-d9cb-469f-a165-7086772895 e", "0f8fad5bd-9cb-469f-a165-70867728950e",
		"{0f8fad5b-d9cb-469f-a165-70867728950e)", "{0f8fad5bd9cb469fa16570867728950e}",
		"urn:guid:0f8fad5b-d9cb-469f-a165-70867728950e",
		"00000000-0000-0000-0000-000000000000", "../../../../etc/passwd",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refuses(bytes_of_string(bad[i]));
	for (size_t length = 0; length < sizeof canonical - 1; length++)
		refuses(bytes_of(canonical, length));
	char with_nul[36];
	memcpy(with_nul, canonical, 36);
	with_nul[10] = 0;
	refuses(bytes_of(with_nul, 36));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_every_usual_form),
		cmocka_unit_test(refuses_everything_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
