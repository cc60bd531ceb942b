/* Entries of Linux's configfs-tsm (Documentation/ABI/testing/configfs-tsm): a folder each, whose files
 * are the attributes of one report. */
#pragma once
#include "attest/kernel.h"

struct tsm_entry {
	const struct kernel *kernel;
	char path[96]; /* empty: none */
};

/* Is this a guest for which Linux can make reports? In doubt (no right to try) it is. */
bool tsm_present(const struct kernel *kernel);
/* An entry of our own: nobody else uses it unless he means to. */
error *tsm_entry_make(const struct kernel *kernel, struct tsm_entry *ret, int *ret_errno) MUST_USE;
void tsm_entry_remove(struct tsm_entry *entry);
DEFINE_CLEANUP_IN_PLACE(tsm_entry_remove, struct tsm_entry)

error *tsm_read(const struct tsm_entry *entry, const char *attribute, struct blob *ret, int *ret_errno) MUST_USE;
error *tsm_write(const struct tsm_entry *entry, const char *attribute, bytes value, int *ret_errno) MUST_USE;
/* A decimal number and a newline. */
error *tsm_read_number(const struct tsm_entry *entry, const char *attribute, uint64_t *ret, int *ret_errno) MUST_USE;
