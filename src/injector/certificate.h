/* The webhook's certificate and key: files that somebody else renews while we serve. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>

#include "net/tls.h"

/* What a file was when it was read: enough to see that it is another one. */
struct file_mark {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct certificate_files {
	const char *certificate_path, *key_path;
	struct tls_server *tls;             /* borrowed */
	struct file_mark certificate, key;  /* of the pair that is used, or that was refused last */
	bool tried;                         /* the marks are there */
	atomic_int_least64_t not_after;     /* of the leaf, seconds since 1970; 0: there is none yet */
};

/* Reads the pair and gives it to `tls` when either file is another one than before; *ret_changed says so. A pair that
 * does not fit together, as while it is being replaced, is an error that is told once, and what was there stays. */
error *certificate_files_refresh(struct certificate_files *files, bool *ret_changed) MUST_USE;
