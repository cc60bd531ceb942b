/* What issuing asks of the system, as a table: tests put a stand-in there that answers as a TEE's
 * kernel does. Results and errno are those of the calls of the same names. */
#pragma once
#include <sys/stat.h>
#include <sys/types.h>

#include "base/blob.h"
#include "base/secret.h"

struct kernel {
	int (*stat)(const char *path, struct stat *ret);
	int (*open)(const char *path, int flags);
	ssize_t (*read)(int descriptor, void *to, size_t size);
	ssize_t (*write)(int descriptor, const void *from, size_t size);
	int (*close)(int descriptor);
	int (*ioctl)(int descriptor, unsigned long request, void *argument);
	int (*mkdir)(const char *path, mode_t mode);
	int (*rmdir)(const char *path);
	void (*pause)(unsigned milliseconds);
};
extern const struct kernel real_kernel;

/* Is there something, of this type (S_IFREG, …; 0: any)? */
bool kernel_has(const struct kernel *k, const char *path, mode_t type);
/* The whole file, at most `limit` bytes. *ret_errno (may be NULL) is the failed call's, else 0. */
error *kernel_read(const struct kernel *k, const char *path, size_t limit, struct blob *ret,
		   int *ret_errno) MUST_USE;
error *kernel_read_secret(const struct kernel *k, const char *path, size_t limit,
			  struct secret *ret) MUST_USE;
/* All bytes in one write, as files of attributes want it; the result of close counts, since some
 * interfaces take the content only then. */
error *kernel_write(const struct kernel *k, const char *path, bytes content, int *ret_errno) MUST_USE;
/* Opens a device for one ioctl. A call that was interrupted is made again. */
error *kernel_ioctl(const struct kernel *k, const char *path, unsigned long request, void *argument,
		    int *ret_errno) MUST_USE;
