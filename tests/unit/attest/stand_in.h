/* A kernel of files that a test lays out: what is read may be computed, what is written is seen whole
 * when the file is closed, calls may fail, be short or be interrupted. Safe under threads; hooks run
 * one at a time. */
#pragma once
#include "attest/kernel.h"

struct stand_in_file {
	char *path;
	mode_t type;       /* S_IFREG unless changed */
	struct blob content;
	int open_error, read_error, write_error, close_error; /* errno of those calls; 0: they work */
	size_t most;       /* bytes that one read or write takes; 0: any */
	int interruptions; /* so many calls give EINTR first */
	size_t opened;     /* how often */
	/* NULL: the content. Called at the first read after open. Give an errno or 0. */
	int (*load)(struct stand_in_file *file, struct writer *to);
	/* NULL: becomes the content. Called at close with what was written. */
	int (*save)(struct stand_in_file *file, bytes written);
	int (*control)(struct stand_in_file *file, unsigned long request, void *argument);
};

extern const struct kernel stand_in_kernel;
/* What mkdir and rmdir do, beyond making and removing the folder; errno or 0. */
extern int (*stand_in_mkdir_hook)(const char *path);
extern int (*stand_in_rmdir_hook)(const char *path);

struct stand_in_file *stand_in_add(const char *path, const void *content, size_t size);
struct stand_in_file *stand_in_add_text(const char *path, const char *content);
/* NULL when there is none. */
struct stand_in_file *stand_in_find(const char *path);
void stand_in_remove(const char *path);
/* Files whose path begins so. */
size_t stand_in_count(const char *prefix);
unsigned stand_in_paused(void); /* milliseconds */
size_t stand_in_open_descriptors(void);
void stand_in_reset(void);
