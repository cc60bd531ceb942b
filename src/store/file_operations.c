#include "store/file_operations.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int open_file(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

const struct file_operations system_files = { open_file, close, pread, pwrite, ftruncate, fsync, rename,
					      unlink };
