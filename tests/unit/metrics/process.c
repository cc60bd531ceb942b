/* The process's own figures, against what the process knows of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "metrics/process.h"

static double figure(const char *name)
{
	CLEANUP(metrics_free) struct metrics *m = NULL;
	CLEANUP(writer_free) struct writer w = { 0 }, line = { 0 };
	assert_null(metrics_new(&m));
	assert_null(process_metrics_add(m));
	metrics_write(m, &w);
	write_u8(&w, 0);
	write_format(&line, "\n%s ", name);
	write_u8(&line, 0);
	const char *found = strstr((char *)w.data, (char *)line.data);
	assert_non_null(found);
	return strtod(found + line.size - 1, NULL);
}

static void open_descriptors_are_counted(void **state)
{
	int more[5];
	(void)state;
	double before = figure("process_open_fds");
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		more[i] = open("/dev/null", O_RDONLY);
	assert_true(figure("process_open_fds") == before + 5);
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		close(more[i]);
	assert_true(figure("process_open_fds") == before);
}

static void memory_is_in_bytes(void **state)
{
	enum { MORE = 64 << 20 };
	(void)state;
	double before = figure("process_resident_memory_bytes");
	char *more = malloc(MORE);
	assert_non_null(more);
	memset(more, 1, MORE);
	double after = figure("process_resident_memory_bytes");
	assert_true(after - before > MORE * 0.9 && figure("process_virtual_memory_bytes") >= after);
	free(more);
}

static void the_rest_is_as_the_system_says(void **state)
{
	struct rlimit files;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	assert_true(figure("process_max_fds") == (double)files.rlim_cur);
	assert_true(figure("process_cpu_seconds_total") > 0 && figure("process_cpu_seconds_total") < 1000);
	double began = figure("process_start_time_seconds");
	assert_true(began <= (double)clock_now() && began > (double)clock_now() - 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_descriptors_are_counted),
		cmocka_unit_test(memory_is_in_bytes),
		cmocka_unit_test(the_rest_is_as_the_system_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
