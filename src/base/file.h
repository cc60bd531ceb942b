/* Whole files, read with a limit and written completely or not at all. */
#pragma once
#include <sys/types.h>

#include "base/blob.h"
#include "base/secret.h"

/* ERROR_NOT_FOUND, ERROR_TOO_LARGE (over `limit` bytes) or ERROR_UNAVAILABLE; the message names
 * the path. */
error *file_read(const char *path, size_t limit, struct blob *ret) MUST_USE;
error *file_read_secret(const char *path, size_t limit, struct secret *ret) MUST_USE;
/* Writes a temporary file next to `path`, syncs it, renames it and syncs the folder: after a crash
 * the old or the new content is there. */
error *file_replace(const char *path, bytes content, mode_t mode) MUST_USE;
/* The same for a file that must not be there yet: ERROR_CONFLICT when it is, and nothing changes. Of
 * several at once, one wins. */
error *file_create(const char *path, bytes content, mode_t mode) MUST_USE;
