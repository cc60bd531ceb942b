#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "injector/configuration.h"

enum { ARGUMENTS_MAX = 8 };

/* `line`: arguments between blanks. */
static error *read_line(const char *line, struct configuration *ret)
{
	static char text[256];
	char *arguments[ARGUMENTS_MAX + 1] = { text };
	int count = 1;
	snprintf(text, sizeof text, "%s", line);
	for (char *at = text; *at && count < ARGUMENTS_MAX;) {
		arguments[count++] = at;
		at += strcspn(at, " ");
		if (*at)
			*at++ = 0;
	}
	return configuration_read(count, arguments, ret);
}

static void test_defaults(void **state)
{
	struct configuration c;
	(void)state;
	assert_null(read_line("", &c));
	assert_string_equal(c.address, ":8443");
	assert_string_equal(c.metrics_address, "");
	assert_string_equal(c.certificate_file, "/etc/webhook/certs/tls.crt");
	assert_string_equal(c.key_file, "/etc/webhook/certs/tls.key");
	assert_string_equal(c.rules.coordinator, "coordinator-mesh-api.marblerun:2001");
	assert_string_equal(c.rules.cluster_domain, "cluster.local");
	assert_string_equal(c.rules.sgx_resource, "sgx.intel.com/epc");
	assert_int_equal(c.shutdown_delay_s, 0);
	assert_false(c.help || c.version);
}

/* As Go's flag package takes them. */
static void test_forms(void **state)
{
	static const char *const lines[] = { "-coordAddr=a:1", "--coordAddr=a:1", "-coordAddr a:1", "--coordAddr a:1",
					     "-coordAddr=b:2 -coordAddr=a:1" };
	struct configuration c;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_null(read_line(lines[i], &c));
		assert_string_equal(c.rules.coordinator, "a:1");
	}
	assert_null(read_line("-sgxResource= -shutdownDelay 600 -version", &c));
	assert_string_equal(c.rules.sgx_resource, "");
	assert_int_equal(c.shutdown_delay_s, 600);
	assert_true(c.version);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "-nothing=1", "\"-nothing\" is no option; see -help" },
		{ "-coord=a:1", "\"-coord\" is no option; see -help" },
		{ "---addr=:1", "\"---addr=:1\" is no option; see -help" },
		{ "addr", "\"addr\" is no option; see -help" },
		{ "-", "\"-\" is no option; see -help" },
		{ "-addr", "-addr needs a value" },
		{ "-help=1", "-help takes no value" },
		{ "-coordAddr=:2001", "-coordAddr: host:port is expected" },
		{ "-coordAddr=host", "-coordAddr: " },
		{ "-clusterDomain=", "-clusterDomain: a domain name is expected" },
		{ "-clusterDomain=a,b", "-clusterDomain: a domain name is expected" },
		{ "-sgxResource=epc", "-sgxResource: the name of an extended resource" },
		{ "-sgxResource=/epc", "-sgxResource: the name of an extended resource" },
		{ "-sgxResource=a/", "-sgxResource: the name of an extended resource" },
		{ "-sgxResource=a/b/c", "-sgxResource: the name of an extended resource" },
		{ "-shutdownDelay=601", "-shutdownDelay: seconds, at most 600, are expected" },
		{ "-shutdownDelay=-1", "-shutdownDelay: seconds, at most 600, are expected" },
		{ "-shutdownDelay=5s", "-shutdownDelay: seconds, at most 600, are expected" },
		{ "-shutdownDelay=", "-shutdownDelay: seconds, at most 600, are expected" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct configuration c = { .address = "untouched" };
		CLEANUP(error_free) error *e = read_line(cases[i].line, &c);
		assert_non_null(e);
		if (strncmp(error_message(e), cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s: %s", cases[i].line, error_message(e));
		assert_string_equal(c.address, "untouched");
	}
}

static void test_log(void **state)
{
	struct configuration c;
	(void)state;
	setenv("EDG_LOG_FORMAT", "json", 1);
	setenv("EDG_DEBUG_LOGGING", "1", 1);
	assert_null(read_line("", &c));
	assert_int_equal(c.log_format, LOG_JSON);
	assert_int_equal(c.log_level, LOG_DEBUG_LEVEL);
	setenv("EDG_LOG_FORMAT", "yaml", 1);
	CLEANUP(error_free) error *e = read_line("", &c);
	assert_string_equal(error_message(e), "EDG_LOG_FORMAT is \"yaml\"; text or json is expected");
	unsetenv("EDG_LOG_FORMAT");
	unsetenv("EDG_DEBUG_LOGGING");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
