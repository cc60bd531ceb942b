/* The calls to the file system that the sealed store makes, behind a table, so that tests can let each of them
 * fail. Results and errno as of the system calls. */
#pragma once
#include <sys/types.h>

struct file_operations {
	int (*open)(const char *path, int flags, mode_t mode);
	int (*close)(int file);
	ssize_t (*pread)(int file, void *to, size_t size, off_t offset);
	ssize_t (*pwrite)(int file, const void *from, size_t size, off_t offset);
	int (*truncate)(int file, off_t size);
	int (*sync)(int file);
	int (*rename)(const char *from, const char *to);
	int (*remove)(const char *path);
};
extern const struct file_operations system_files;
