/* The sealed store: what it keeps, what it survives, what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "store/sealed.h"

#define OK(call) assert_ok((call), __LINE__)

static void assert_ok(error *e, int line)
{
	if (e)
		fail_msg("line %d: %s", line, error_message(e));
}

static void refused(error *e, enum error_code code)
{
	assert_non_null(e);
	if (error_code(e) != code)
		fail_msg("%s: code %d, not %d", error_message(e), (int)error_code(e), (int)code);
	error_free(e);
}

/* ---- a file system that fails or stops at a chosen call ---- */

enum trouble { NONE, FAILS, FAILS_FROM_THEN_ON, SHORT_WRITE };
static struct {
	enum trouble trouble;
	int at, calls;
	size_t written;
} disk;

static bool strikes(void)
{
	disk.calls++;
	if (disk.trouble == NONE || disk.calls < disk.at)
		return false;
	return disk.calls == disk.at || disk.trouble == FAILS_FROM_THEN_ON;
}

static int errno_is(int number)
{
	errno = number;
	return -1;
}

static int disk_open(const char *path, int flags, mode_t mode)
{
	return strikes() && disk.trouble != SHORT_WRITE ? errno_is(EIO) : open(path, flags, mode);
}

static ssize_t disk_pread(int file, void *to, size_t size, off_t offset)
{
	return strikes() && disk.trouble != SHORT_WRITE ? errno_is(EIO) : pread(file, to, size, offset);
}

static ssize_t disk_pwrite(int file, const void *from, size_t size, off_t offset)
{
	bool now = strikes();
	disk.written += size;
	if (now && disk.trouble != SHORT_WRITE) {
		/* A stopped machine may have written a part. */
		(void)!pwrite(file, from, size / 2, offset);
		return errno_is(ENOSPC);
	}
	return pwrite(file, from, now && size > 1 ? size / 2 : size, offset);
}

static int disk_truncate(int file, off_t size)
{
	return strikes() && disk.trouble != SHORT_WRITE ? errno_is(EIO) : ftruncate(file, size);
}

static int disk_sync(int file)
{
	return strikes() && disk.trouble != SHORT_WRITE ? errno_is(EIO) : fsync(file);
}

static int disk_rename(const char *from, const char *to)
{
	return strikes() && disk.trouble != SHORT_WRITE ? errno_is(EIO) : rename(from, to);
}

static int disk_remove(const char *path)
{
	return strikes() && disk.trouble != SHORT_WRITE ? errno_is(EROFS) : unlink(path);
}

static const struct file_operations moody_disk = { disk_open, close, disk_pread, disk_pwrite, disk_truncate,
						   disk_sync, disk_rename, disk_remove };

/* ---- a folder ---- */

static char folder[64];
static uint8_t product_key[32] = { 1 }, unique_key[32] = { 2 }, first_key[32] = { 3 }, second_key[32] = { 4 };

static int remove_one(const char *path, const struct stat *is, int type, struct FTW *at)
{
	(void)is, (void)type, (void)at;
	return remove(path);
}

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/marblerun-sealed.XXXXXX");
	memset(&disk, 0, sizeof disk);
	return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void empty_folder(void)
{
	drop_folder(NULL);
	make_folder(NULL);
}

static error *open_store(struct store **ret)
{
	struct sealed_options options = { folder, BYTES_OF_ARRAY(product_key), BYTES_OF_ARRAY(unique_key),
					  &moody_disk };
	return store_open_sealed(&options, ret);
}

static error *put(struct store *store, const char *name, const char *value, const struct sealing *sealing)
{
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	TRY(store_begin(store, &txn));
	TRY(transaction_put(txn, name, bytes_of_string(value)));
	if (sealing)
		TRY(transaction_reseal(txn, sealing));
	return transaction_commit(&txn);
}

static void get(struct store *store, const char *name, char ret[64])
{
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	bytes value;
	*ret = 0;
	OK(store_begin(store, &txn));
	error *e = transaction_get(txn, name, &value);
	if (!e)
		snprintf(ret, 64, "%.*s", (int)value.size, (const char *)value.data);
	error_free(e);
}

static char *path_of(const char *name)
{
	static char path[2][128];
	static int which;
	which = !which;
	snprintf(path[which], sizeof path[which], "%s/%s", folder, name);
	return path[which];
}

static struct blob file_content(const char *name)
{
	struct blob content = { 0 };
	OK(file_read(path_of(name), 1 << 24, &content));
	return content;
}

static void replace(const char *name, bytes content)
{
	OK(file_replace(path_of(name), content, 0600));
}

static struct sealing sealing_of(enum sealing_mode mode, const uint8_t key[32])
{
	return (struct sealing){ mode, bytes_of(key, 32), bytes_of_string("who may recover it") };
}

/* ---- what it keeps ---- */

static void keeps_what_was_committed(void **state)
{
	(void)state;
	struct store_head before, after;
	char value[64];
	CLEANUP(store_close) struct store *store = NULL;
	OK(open_store(&store));
	assert_null(store_locked(store));
	OK(put(store, "a", "1", NULL));
	OK(put(store, "b", "2", NULL));
	store_head(store, &before);
	store_close(TAKE(store));
	OK(open_store(&store));
	get(store, "a", value);
	assert_string_equal(value, "1");
	get(store, "b", value);
	assert_string_equal(value, "2");
	store_head(store, &after);
	assert_int_equal(after.epoch, 2);
	assert_memory_equal(&before, &after, sizeof before);
}

static void shows_nothing_in_the_files(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	OK(open_store(&store));
	OK(put(store, "name-of-a-thing", "canary-of-a-value", NULL));
	CLEANUP(blob_free) struct blob data = file_content("sealed_data");
	assert_null(memmem(data.data, data.size, "canary", 6));
	assert_null(memmem(data.data, data.size, "name-of", 7));
}

static void one_coordinator_at_a_time(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	struct store *other;
	OK(open_store(&store));
	refused(open_store(&other), ERROR_CONFLICT);
}

static void a_commit_costs_what_its_change_costs(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	char name[32], value[256];
	memset(value, 'x', sizeof value);
	OK(open_store(&store));
	OK(store_begin(store, &txn));
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof name, "secret/%d", i);
		OK(transaction_put(txn, name, bytes_of(value, sizeof value)));
	}
	OK(transaction_commit(&txn));
	for (int i = 0; i < 100; i++) {
		disk.written = 0;
		OK(put(store, "counter", "1", NULL));
		assert_in_range(disk.written, 1, 1024);
	}
}

/* ---- locks ---- */

static void opens_with_the_state_key_when_the_sealed_key_is_gone(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	struct sealing sealing = sealing_of(SEALED_FOR_PRODUCT, first_key);
	char value[64];
	OK(open_store(&store));
	OK(put(store, "a", "1", &sealing));
	store_close(TAKE(store));
	assert_int_equal(unlink(path_of("sealed_key")), 0);
	OK(open_store(&store));
	assert_non_null(store_locked(store));
	assert_true(bytes_equal_string(store_public(store), "who may recover it"));
	get(store, "a", value);
	assert_string_equal(value, "");
	refused(put(store, "a", "2", NULL), ERROR_WRONG_STATE);
	refused(store_unlock(store, BYTES_OF_ARRAY(second_key)), ERROR_DENIED);
	assert_non_null(store_locked(store));
	OK(store_unlock(store, BYTES_OF_ARRAY(first_key)));
	get(store, "a", value);
	assert_string_equal(value, "1");
	OK(put(store, "b", "2", &sealing));
	store_close(TAKE(store));
	OK(open_store(&store));
	assert_null(store_locked(store));
}

static void can_be_locked_again_and_given_up(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	struct sealing sealing = sealing_of(SEALED_FOR_NOBODY, first_key);
	char value[64];
	OK(open_store(&store));
	OK(put(store, "a", "1", &sealing));
	assert_int_equal(access(path_of("sealed_key"), F_OK), -1);
	store_close(TAKE(store));
	OK(open_store(&store));
	OK(store_unlock(store, BYTES_OF_ARRAY(first_key)));
	store_lock(store, "not believed");
	assert_string_equal(store_locked(store), "not believed");
	get(store, "a", value);
	assert_string_equal(value, "");
	sealing = sealing_of(SEALED_FOR_PRODUCT, second_key);
	OK(put(store, "new", "1", &sealing));
	assert_null(store_locked(store));
	store_close(TAKE(store));
	OK(open_store(&store));
	get(store, "a", value);
	assert_string_equal(value, "");
	get(store, "new", value);
	assert_string_equal(value, "1");
}

static void what_is_not_ours_does_not_give_way(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	struct sealing sealing = sealing_of(SEALED_FOR_PRODUCT, first_key);
	static const char *const contents[] = { "", "another program's",
		"MRDATA02, of a later version of this one, whose header may look like anything" };
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		replace("sealed_data", bytes_of_string(contents[i]));
		OK(open_store(&store));
		assert_non_null(store_locked(store));
		assert_false(store_gives_way(store));
		refused(put(store, "a", "1", NULL), ERROR_WRONG_STATE);
		store_close(TAKE(store));
		CLEANUP(blob_free) struct blob left = file_content("sealed_data");
		assert_true(bytes_equal_string(blob_view(&left), contents[i]));
	}
	OK(open_store(&store));
	OK(put(store, "a", "1", &sealing)); /* who reseals gives it up */
	store_close(TAKE(store));
	OK(open_store(&store));
	assert_null(store_locked(store));
}

static void another_program_does_not_open_it(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	struct sealing sealing = sealing_of(SEALED_FOR_UNIQUE, first_key);
	static uint8_t others[32] = { 9 };
	struct sealed_options newer = { folder, BYTES_OF_ARRAY(product_key), BYTES_OF_ARRAY(others), NULL };
	OK(open_store(&store));
	OK(put(store, "a", "1", &sealing));
	store_close(TAKE(store));
	OK(store_open_sealed(&newer, &store));
	assert_non_null(store_locked(store));
	store_close(TAKE(store));
	OK(open_store(&store));
	sealing = sealing_of(SEALED_FOR_PRODUCT, first_key);
	OK(put(store, "a", "2", &sealing));
	store_close(TAKE(store));
	OK(store_open_sealed(&newer, &store));
	assert_null(store_locked(store));
}

/* ---- an adversary at the files ---- */

static void an_old_sealed_key_opens_nothing_later(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	struct sealing sealing = sealing_of(SEALED_FOR_PRODUCT, first_key);
	OK(open_store(&store));
	OK(put(store, "a", "1", &sealing));
	CLEANUP(blob_free) struct blob old_key = file_content("sealed_key");
	OK(put(store, "a", "2", &sealing)); /* the same state key, a new generation */
	store_close(TAKE(store));
	replace("sealed_key", blob_view(&old_key));
	OK(open_store(&store));
	assert_non_null(store_locked(store));
	assert_non_null(strstr(store_locked(store), "another sealed_data"));
}

static void every_changed_byte_is_noticed(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	struct sealing sealing = sealing_of(SEALED_FOR_PRODUCT, first_key);
	char value[64];
	OK(open_store(&store));
	OK(put(store, "a", "1", &sealing));
	OK(put(store, "a", "2", NULL));
	store_close(TAKE(store));
	static const char *const names[] = { "sealed_data", "sealed_key" };
	for (size_t f = 0; f < 2; f++) {
		CLEANUP(blob_free) struct blob good = file_content(names[f]);
		CLEANUP(blob_free) struct blob data = file_content("sealed_data");
		for (size_t i = 0; i < good.size; i++) {
			good.data[i] ^= 0x40;
			replace(names[f], blob_view(&good));
			good.data[i] ^= 0x40;
			OK(open_store(&store));
			get(store, "a", value);
			/* A size made larger looks like a commit that was cut off: the one before it holds. */
			if (!store_locked(store))
				assert_string_equal(value, "1");
			store_close(TAKE(store));
			replace("sealed_data", blob_view(&data));
		}
		replace(names[f], blob_view(&good));
	}
}

static void every_cut_gives_an_earlier_state_or_none(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	char value[64];
	OK(open_store(&store));
	OK(put(store, "a", "1", NULL));
	OK(put(store, "a", "2", NULL));
	OK(put(store, "a", "3", NULL));
	store_close(TAKE(store));
	CLEANUP(blob_free) struct blob whole = file_content("sealed_data");
	for (size_t size = 0; size < whole.size; size++) {
		replace("sealed_data", bytes_slice(blob_view(&whole), 0, size));
		OK(open_store(&store));
		get(store, "a", value);
		if (!store_locked(store))
			assert_true(strcmp(value, "1") == 0 || strcmp(value, "2") == 0);
		store_close(TAKE(store));
	}
}

static void records_can_not_change_places(void **state)
{
	(void)state;
	CLEANUP(store_close) struct store *store = NULL;
	size_t sizes[4];
	OK(open_store(&store));
	for (int i = 0; i < 4; i++) {
		OK(put(store, "a", "same size", NULL));
		CLEANUP(blob_free) struct blob now = file_content("sealed_data");
		sizes[i] = now.size;
	}
	store_close(TAKE(store));
	CLEANUP(blob_free) struct blob whole = file_content("sealed_data");
	CLEANUP(writer_free) struct writer swapped = { 0 }, repeated = { 0 };
	bytes all = blob_view(&whole);
	write_bytes(&swapped, bytes_slice(all, 0, sizes[0]));
	write_bytes(&swapped, bytes_slice(all, sizes[1], sizes[2] - sizes[1]));
	write_bytes(&swapped, bytes_slice(all, sizes[0], sizes[1] - sizes[0]));
	replace("sealed_data", writer_view(&swapped));
	OK(open_store(&store));
	assert_non_null(store_locked(store));
	store_close(TAKE(store));
	write_bytes(&repeated, all);
	write_bytes(&repeated, bytes_slice(all, sizes[2], SIZE_MAX));
	replace("sealed_data", writer_view(&repeated));
	OK(open_store(&store));
	assert_non_null(store_locked(store));
}

static void links_are_not_followed(void **state)
{
	(void)state;
	struct store *store = NULL;
	assert_int_equal(symlink("/etc/passwd", path_of("sealed_data")), 0);
	refused(open_store(&store), ERROR_UNAVAILABLE);
}

/* ---- a failure or a stop at every call ---- */

/* A life in commits, each of which counts. */
static error *live(struct store *store, int *ret_commits)
{
	static const struct {
		const char *value;
		bool reseal;
		enum sealing_mode mode;
		const uint8_t *key;
	} steps[] = {
		{ "1", false, 0, NULL }, { "2", false, 0, NULL },
		{ "3", true, SEALED_FOR_PRODUCT, first_key }, { "4", false, 0, NULL },
		{ "5", true, SEALED_FOR_UNIQUE, first_key }, { "6", true, SEALED_FOR_UNIQUE, second_key },
		{ "7", false, 0, NULL }, { "8", true, SEALED_FOR_NOBODY, second_key },
		{ "9", false, 0, NULL }, { "10", true, SEALED_FOR_PRODUCT, first_key },
	};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct sealing sealing = { 0 };
		if (steps[i].reseal)
			sealing = sealing_of(steps[i].mode, steps[i].key);
		TRY(put(store, "n", steps[i].value, steps[i].reseal ? &sealing : NULL));
		*ret_commits = (int)i + 1;
	}
	return NULL;
}

/* After a stop, on a good disk: what was acknowledged is there; the commit that failed is whole or absent. */
static void check_after(int commits, enum trouble trouble, int at)
{
	CLEANUP(store_close) struct store *store = NULL;
	char value[64];
	disk.trouble = NONE;
	OK(open_store(&store));
	if (store_locked(store)) {
		/* Only where it was sealed for nobody, or about to be. */
		if (commits < 7 && commits != 0)
			fail_msg("trouble %d at call %d: locked after %d commits: %s", (int)trouble, at, commits,
				 store_locked(store));
		error *e = store_unlock(store, BYTES_OF_ARRAY(second_key));
		error_free(e);
		if (e)
			OK(store_unlock(store, BYTES_OF_ARRAY(first_key)));
	}
	get(store, "n", value);
	int there = *value ? atoi(value) : 0;
	if (there != commits && there != commits + 1)
		fail_msg("trouble %d at call %d: %d commits were acknowledged, %d are there", (int)trouble, at,
			 commits, there);
	OK(put(store, "after", "1", NULL));
}

static bool try_trouble(enum trouble trouble, int at)
{
	CLEANUP(store_close) struct store *store = NULL;
	int commits = 0;
	empty_folder();
	disk.trouble = trouble;
	disk.at = at;
	disk.calls = 0;
	error *e = open_store(&store);
	if (!e)
		e = live(store, &commits);
	bool struck = disk.calls >= at;
	error_free(e);
	store_close(TAKE(store));
	check_after(commits, trouble, at);
	return struck;
}

static void survives_trouble_at_every_call(void **state)
{
	(void)state;
	for (enum trouble trouble = FAILS; trouble <= SHORT_WRITE; trouble++)
		for (int at = 1; try_trouble(trouble, at); at++)
			assert_true(at < 1000);
}

/* A refused commit is not there, and the next one is possible, where the disk recovers. */
static void says_what_happened(void **state)
{
	(void)state;
	for (int at = 1; at < 8; at++) {
		CLEANUP(store_close) struct store *store = NULL;
		char value[64];
		empty_folder();
		OK(open_store(&store));
		OK(put(store, "n", "1", NULL));
		disk = (typeof(disk)){ .trouble = FAILS, .at = at };
		error *e = put(store, "n", "2", NULL);
		disk.trouble = NONE;
		get(store, "n", value);
		assert_string_equal(value, e ? "1" : "2");
		if (e && strstr(error_message(e), "is unchanged"))
			OK(put(store, "n", "3", NULL));
		error_free(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
		TEST(keeps_what_was_committed),
		TEST(shows_nothing_in_the_files),
		TEST(one_coordinator_at_a_time),
		TEST(a_commit_costs_what_its_change_costs),
		TEST(opens_with_the_state_key_when_the_sealed_key_is_gone),
		TEST(can_be_locked_again_and_given_up),
		TEST(what_is_not_ours_does_not_give_way), TEST(another_program_does_not_open_it),
		TEST(an_old_sealed_key_opens_nothing_later),
		TEST(every_changed_byte_is_noticed),
		TEST(every_cut_gives_an_earlier_state_or_none),
		TEST(records_can_not_change_places),
		TEST(links_are_not_followed),
		TEST(survives_trouble_at_every_call),
		TEST(says_what_happened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
