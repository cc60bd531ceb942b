#include "testing.h"

#include "marble/rpc.h"
#include "rpc.pb-c.h"

static void unpack(const char *packed, size_t size, struct marblerun_parameters **ret)
{
	CLEANUP(blob_free) struct blob mark = { 0 };
	must(parameters_of_response(bytes_of(packed, size), ret, &mark));
}

/* Written by hand from the protobuf encoding (field number << 3 | 2, length, content), so that the
 * test does not believe the generated code. */
static void everything_arrives(void **state)
{
	(void)state;
	static const char packed[] = "\x0a\x1f"
				     "\x0a\x08\x0a\x02/f\x12\x02\x00\xff"
				     "\x12\x07\x0a\x01N\x12\x02v=\x12\x04\x0a\x02MT"
				     "\x1a\x02-a\x1a\x00";
	CLEANUP(parameters_free) struct marblerun_parameters *p = NULL;
	unpack(packed, sizeof packed - 1, &p);
	assert_int_equal(p->file_count, 1);
	assert_string_equal(p->files[0].name, "/f");
	assert_int_equal(p->files[0].size, 2);
	assert_memory_equal(p->files[0].data, "\x00\xff\x00", 3);
	assert_int_equal(p->environment_count, 2);
	assert_string_equal(p->environment[0].name, "N");
	assert_string_equal((char *)p->environment[0].data, "v=");
	assert_string_equal(p->environment[1].name, "MT");
	assert_int_equal(p->environment[1].size, 0);
	assert_int_equal(p->argument_count, 2);
	assert_string_equal(p->arguments[0], "-a");
	assert_string_equal(p->arguments[1], "");
	assert_null(p->arguments[2]);
}

static void nothing_at_all(void **state)
{
	(void)state;
	CLEANUP(parameters_free) struct marblerun_parameters *p = NULL;
	unpack("", 0, &p);
	assert_int_equal(p->file_count + p->environment_count + p->argument_count, 0);
	assert_null(p->arguments[0]);
}

static void every_truncation(void **state)
{
	(void)state;
	static const char packed[] = "\x0a\x0a\x0a\x08\x0a\x02/f\x12\x02\x00\xff";
	for (size_t size = 1; size < sizeof packed - 1; size++) {
		struct marblerun_parameters *p = NULL;
		struct blob mark = { 0 };
		assert_refused(parameters_of_response(bytes_of(packed, size), &p, &mark), ERROR_INTERNAL,
			       "rpc.ActivationResp");
		assert_null(p);
	}
}

static void judged_by_status(void **state)
{
	(void)state;
	static const struct {
		enum error_code code;
		enum grpc_status status;
		enum error_code expected;
	} cases[] = {
		{ ERROR_UNAVAILABLE, GRPC_OK, ERROR_UNAVAILABLE },
		{ ERROR_INVALID, GRPC_OK, ERROR_INVALID },
		{ ERROR_UNAVAILABLE, GRPC_UNAVAILABLE, ERROR_UNAVAILABLE },
		{ ERROR_WRONG_STATE, GRPC_FAILED_PRECONDITION, ERROR_UNAVAILABLE },
		{ ERROR_UNAVAILABLE, GRPC_DEADLINE_EXCEEDED, ERROR_DENIED },
		{ ERROR_UNAVAILABLE, GRPC_RESOURCE_EXHAUSTED, ERROR_DENIED },
		{ ERROR_DENIED, GRPC_PERMISSION_DENIED, ERROR_DENIED },
		{ ERROR_INTERNAL, GRPC_INTERNAL, ERROR_INTERNAL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		error *e = rpc_judge(error_new(cases[i].code, "why"), cases[i].status);
		assert_refused(e, cases[i].expected, "why");
	}
	assert_null(rpc_judge(NULL, GRPC_OK));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_arrives), cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(every_truncation), cmocka_unit_test(judged_by_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
