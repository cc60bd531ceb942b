#include "testing.h"

#include "cli/token_config.h"

#define MODULE "\"Path\": \"/usr/lib/module.so\""

static error *parse(const char *text, struct token_config *ret)
{
	return token_config_parse(bytes_of_string(text), "token.json", ret);
}

static void whole(void **state)
{
	(void)state;
	CLEANUP(token_config_free) struct token_config c = { 0 };
	must(parse("{" MODULE ", \"TokenLabel\": \"mesh\", \"Pin\": \"1234\"}", &c));
	assert_string_equal(c.module, "/usr/lib/module.so");
	assert_string_equal(c.label, "mesh");
	assert_null(c.serial);
	assert_false(c.has_slot);
	assert_true(c.has_pin && bytes_equal_string(secret_view(&c.pin), "1234"));
	assert_false(c.no_login);
}

static void other_choices(void **state)
{
	(void)state;
	CLEANUP(token_config_free) struct token_config serial = { 0 };
	must(parse("{" MODULE ", \"TokenSerial\": \"77aa\", \"LoginNotSupported\": true}", &serial));
	assert_string_equal(serial.serial, "77aa");
	assert_true(serial.no_login);
	assert_false(serial.has_pin);
	CLEANUP(token_config_free) struct token_config slot = { 0 };
	must(parse("{" MODULE ", \"slotnumber\": 0, \"TokenLabel\": \"\", \"Pin\": null, \"UserType\": 1, "
		   "\"MaxSessions\": 5}", &slot));
	assert_true(slot.has_slot);
	assert_int_equal(slot.slot, 0);
	assert_false(slot.has_pin);
}

static void mistakes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum error_code code;
		const char *reason;
	} bad[] = {
		{ "", ERROR_INVALID, "token.json" },
		{ "[]", ERROR_INVALID, "an object is expected, not array" },
		{ "{\"TokenLabel\": \"a\"}", ERROR_INVALID, "\"Path\" is missing" },
		{ "{\"Path\": \"\", \"TokenLabel\": \"a\"}", ERROR_INVALID, "\"Path\" is missing" },
		{ "{\"Path\": 1, \"TokenLabel\": \"a\"}", ERROR_INVALID, "a string is expected" },
		{ "{\"Path\": \"/a\\u0000b\", \"TokenLabel\": \"a\"}", ERROR_INVALID, "a string is expected" },
		{ "{\"Path\": \"module.so\", \"TokenLabel\": \"a\"}", ERROR_INVALID, "absolute path" },
		{ "{" MODULE "}", ERROR_INVALID, "exactly one of" },
		{ "{" MODULE ", \"TokenLabel\": \"a\", \"SlotNumber\": 0}", ERROR_INVALID, "exactly one of" },
		{ "{" MODULE ", \"TokenLabel\": \"a\", \"TokenSerial\": \"b\"}", ERROR_INVALID,
		  "exactly one of" },
		{ "{" MODULE ", \"SlotNumber\": -1}", ERROR_INVALID, "an integer from 0" },
		{ "{" MODULE ", \"SlotNumber\": \"1\"}", ERROR_INVALID, "an integer from 0" },
		{ "{" MODULE ", \"SlotNumber\": 1.5}", ERROR_INVALID, "an integer from 0" },
		{ "{" MODULE ", \"TokenLable\": \"a\"}", ERROR_INVALID, "\"TokenLable\" is not known" },
		{ "{" MODULE ", \"TokenLabel\": \"a\", \"Pin\": 12345678}", ERROR_INVALID, "\"Pin\" is" },
		{ "{" MODULE ", \"TokenLabel\": \"a\", \"Pin\": \"a\\u0000b\"}", ERROR_INVALID, "NUL" },
		{ "{" MODULE ", \"TokenLabel\": \"a\", \"Pin\": \"a\", \"PinFile\": \"/b\"}", ERROR_INVALID,
		  "both" },
		{ "{" MODULE ", \"TokenLabel\": \"a\", \"PinFile\": \"/no/such/file\"}", ERROR_NOT_FOUND,
		  "/no/such/file" },
		{ "{" MODULE ", \"TokenLabel\": \"a\", \"LoginNotSupported\": 1}", ERROR_INVALID, "boolean" },
		{ "{" MODULE ", \"TokenLabel\": \"a\", \"UserType\": 2}", ERROR_UNSUPPORTED, "UserType" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct token_config c = { 0 };
		assert_refused(parse(bad[i].text, &c), bad[i].code, bad[i].reason);
		assert_null(c.module);
	}
}

/* What is wrong with a PIN must not show it. */
static void no_pin_in_messages(void **state)
{
	(void)state;
	struct token_config c = { 0 };
	error *e = parse("{" MODULE ", \"TokenLabel\": \"a\", \"Pin\": 87654321}", &c);
	assert_non_null(e);
	assert_null(strstr(error_message(e), "8765"));
	error_free(e);
	e = parse("{" MODULE ", \"TokenLabel\": \"a\", \"Pin\": \"87654321\" x}", &c);
	assert_non_null(e);
	assert_null(strstr(error_message(e), "8765"));
	error_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whole), cmocka_unit_test(other_choices),
					    cmocka_unit_test(mistakes), cmocka_unit_test(no_pin_in_messages) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
