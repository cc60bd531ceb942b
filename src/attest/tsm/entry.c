#include "attest/tsm/entry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/random.h"

#define REPORTS "/sys/kernel/config/tsm/report"
enum { ATTEMPTS = 8, VALUE_MAX = 64 << 10, ATTRIBUTE_PATH = 160 };

static const char *advice(int number)
{
	return number == ENXIO ? " (no TSM provider: is the module tdx_guest or sev_guest loaded?)" :
	       number == EACCES || number == EPERM ? " (only root may make reports)" : "";
}

error *tsm_entry_make(const struct kernel *kernel, struct tsm_entry *ret, int *ret_errno)
{
	struct tsm_entry entry = { .kernel = kernel };
	uint64_t number;
	for (int i = 0; i < ATTEMPTS; i++) {
		TRY(random_fill(&number, sizeof number));
		snprintf(entry.path, sizeof entry.path, REPORTS "/marblerun-%016" PRIx64, number);
		if (kernel->mkdir(entry.path, 0700) == 0) {
			*ret_errno = 0;
			*ret = entry;
			return NULL;
		}
		*ret_errno = errno;
		if (*ret_errno != EEXIST && *ret_errno != EINTR)
			break;
	}
	return error_errno(ERROR_UNAVAILABLE, *ret_errno, "creating %s%s", entry.path, advice(*ret_errno));
}

/* The folder is there in any kernel that has the interface built in. Whether a provider is, shows only when
 * an entry is made: ENXIO is "none". */
bool tsm_present(const struct kernel *kernel)
{
	CLEANUP(tsm_entry_remove) struct tsm_entry entry = { 0 };
	int number = 0;
	if (!kernel_has(kernel, REPORTS, S_IFDIR))
		return false;
	error_free(tsm_entry_make(kernel, &entry, &number));
	return number != ENXIO;
}

void tsm_entry_remove(struct tsm_entry *entry)
{
	if (*entry->path)
		entry->kernel->rmdir(entry->path);
	*entry->path = '\0';
}

static void attribute_path(const struct tsm_entry *entry, const char *attribute, char ret[ATTRIBUTE_PATH])
{
	snprintf(ret, ATTRIBUTE_PATH, "%s/%s", entry->path, attribute);
}

error *tsm_read(const struct tsm_entry *entry, const char *attribute, struct blob *ret, int *ret_errno)
{
	char path[ATTRIBUTE_PATH];
	attribute_path(entry, attribute, path);
	return kernel_read(entry->kernel, path, VALUE_MAX, ret, ret_errno);
}

error *tsm_write(const struct tsm_entry *entry, const char *attribute, bytes value, int *ret_errno)
{
	char path[ATTRIBUTE_PATH];
	attribute_path(entry, attribute, path);
	return kernel_write(entry->kernel, path, value, ret_errno);
}

error *tsm_read_number(const struct tsm_entry *entry, const char *attribute, uint64_t *ret, int *ret_errno)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	uint64_t number = 0;
	TRY(tsm_read(entry, attribute, &text, ret_errno));
	size_t digits = text.size && text.data[text.size - 1] == '\n' ? text.size - 1 : text.size;
	bool good = digits > 0;
	for (size_t i = 0; i < digits && good; i++)
		good = text.data[i] >= '0' && text.data[i] <= '9' &&
		       !__builtin_mul_overflow(number, 10, &number) &&
		       !__builtin_add_overflow(number, (uint64_t)(text.data[i] - '0'), &number);
	if (!good)
		return error_new(ERROR_UNAVAILABLE, "%s/%s holds no number", entry->path, attribute);
	*ret = number;
	return NULL;
}
