/* Two manifests from strangers, apart by a NUL: what the second one means to the first. A manifest means
 * nothing to itself, and what is told one way is told the other way. */
#include <stdlib.h>

#include "diff/diff.h"
#include "manifest/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many entries; -1 when it is refused. */
static long compare(const struct manifest *from, const struct manifest *to)
{
	struct manifest_diff *diff = NULL;
	json_t *json = NULL;
	error *e = manifest_diff(from, to, NULL, &diff);
	if (!e)
		e = diff_json(diff, &json);
	long count = e ? -1 : (long)diff->count;
	if (e && error_code(e) == ERROR_INTERNAL)
		abort();
	error_free(e);
	json_decref(json);
	manifest_diff_free(diff);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	struct manifest *from = NULL, *to = NULL;
	if (!end)
		return 0;
	size_t first = (size_t)(end - data);
	error *e = manifest_parse(bytes_of(data, first), &from);
	if (!e)
		e = manifest_parse(bytes_of(end + 1, size - first - 1), &to);
	if (!e) {
		if (compare(from, from) > 0 || compare(to, to) > 0)
			abort();
		compare(from, to);
		compare(to, from);
	}
	error_free(e);
	manifest_free(from);
	manifest_free(to);
	return 0;
}
