#include "../marble/testing.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ttls/shared.h"

static struct shared_region *region_of_file(int *ret_file)
{
	*ret_file = shared_region_new();
	assert_true(*ret_file >= 0);
	struct shared_region *region = shared_region_map(*ret_file);
	assert_non_null(region);
	return region;
}

static void a_child_finds_and_holds(void **state)
{
	(void)state;
	int file, status;
	struct shared_region *region = region_of_file(&file);
	struct shared_connection *c = shared_add(region, 42);
	assert_non_null(c);
	c->forks++;
	pid_t child = fork();
	if (!child) {
		struct shared_connection *same = shared_find(shared_region_map(file), 42);
		shared_hold(same, getpid());
		same->forks--;
		_exit(same->send.sequence == 0 && shared_lock(&same->send_lock) ? 0 : 1); /* dies with the lock */
	}
	assert_false(shared_release(c, getpid()));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(shared_release(c, getpid()));
	assert_false(shared_lock(&c->send_lock));
	shared_remove(region, c);
	assert_null(shared_find(region, 42));
	close(file);
}

static void places_are_bounded_and_come_back(void **state)
{
	(void)state;
	int file;
	struct shared_region *region = region_of_file(&file);
	for (uint64_t cookie = 1; cookie <= SHARED_CONNECTIONS; cookie++)
		assert_non_null(shared_add(region, cookie));
	assert_null(shared_add(region, 1 << 20));
	struct shared_connection *c = shared_find(region, 77);
	uint8_t *partial = shared_partial(region, c);
	assert_ptr_equal(shared_partial(region, c), partial);
	shared_partial_free(region, c);
	shared_remove(region, c);
	assert_non_null(shared_add(region, 1 << 20));
	/* a place whose processes have died is taken again */
	c = shared_find(region, 78);
	shared_release(c, getpid());
	assert_non_null(shared_add(region, 1 << 21));
	close(file);
}

static void another_file_is_no_region(void **state)
{
	(void)state;
	int file = open("/dev/null", O_RDWR);
	assert_null(shared_region_map(file));
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_finds_and_holds),
		cmocka_unit_test(places_are_bounded_and_come_back),
		cmocka_unit_test(another_file_is_no_region),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
