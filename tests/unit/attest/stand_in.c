#include "stand_in.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

enum { FILES_MAX = 256, DESCRIPTORS_MAX = 256, FIRST_DESCRIPTOR = 1000 };

struct open_file {
	char *path; /* NULL: free */
	struct writer loaded, written;
	size_t at;
	bool is_loaded, wrote;
};

static pthread_mutex_t lock;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct stand_in_file *files[FILES_MAX];
static struct open_file open_files[DESCRIPTORS_MAX];
static unsigned paused;
int (*stand_in_mkdir_hook)(const char *path);
int (*stand_in_rmdir_hook)(const char *path);

/* Hooks call back in. */
static void make_lock(void)
{
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

static void take(void)
{
	pthread_once(&once, make_lock);
	pthread_mutex_lock(&lock);
}

static int give(int result, int number)
{
	pthread_mutex_unlock(&lock);
	sched_yield(); /* others get their turn between any two calls */
	errno = number;
	return number ? -1 : result;
}

struct stand_in_file *stand_in_find(const char *path)
{
	struct stand_in_file *found = NULL;
	take();
	for (size_t i = 0; i < FILES_MAX && !found; i++)
		if (files[i] && strcmp(files[i]->path, path) == 0)
			found = files[i];
	give(0, 0);
	return found;
}

struct stand_in_file *stand_in_add(const char *path, const void *content, size_t size)
{
	struct stand_in_file *file = calloc(1, sizeof *file);
	file->path = strdup(path);
	file->type = S_IFREG;
	if (blob_copy(bytes_of(content, size), &file->content))
		abort();
	take();
	size_t i = 0;
	while (files[i])
		if (++i == FILES_MAX)
			abort();
	files[i] = file;
	give(0, 0);
	return file;
}

struct stand_in_file *stand_in_add_text(const char *path, const char *content)
{
	return stand_in_add(path, content, strlen(content));
}

void stand_in_remove(const char *path)
{
	take();
	for (size_t i = 0; i < FILES_MAX; i++)
		if (files[i] && strcmp(files[i]->path, path) == 0) {
			free(files[i]->path);
			blob_free(&files[i]->content);
			free(files[i]);
			files[i] = NULL;
			break;
		}
	give(0, 0);
}

size_t stand_in_count(const char *prefix)
{
	size_t count = 0;
	take();
	for (size_t i = 0; i < FILES_MAX; i++)
		count += files[i] && strncmp(files[i]->path, prefix, strlen(prefix)) == 0;
	give(0, 0);
	return count;
}

unsigned stand_in_paused(void)
{
	return paused;
}

size_t stand_in_open_descriptors(void)
{
	size_t count = 0;
	for (size_t i = 0; i < DESCRIPTORS_MAX; i++)
		count += open_files[i].path != NULL;
	return count;
}

void stand_in_reset(void)
{
	for (size_t i = 0; i < FILES_MAX; i++)
		if (files[i])
			stand_in_remove(files[i]->path);
	stand_in_mkdir_hook = stand_in_rmdir_hook = NULL;
	paused = 0;
}

static int stat_file(const char *path, struct stat *ret)
{
	take();
	struct stand_in_file *file = stand_in_find(path);
	if (file)
		*ret = (struct stat){ .st_mode = file->type };
	return give(0, file ? 0 : ENOENT);
}

static bool interrupted(struct stand_in_file *file)
{
	return file->interruptions && file->interruptions--;
}

static int open_file(const char *path, int flags)
{
	(void)flags;
	take();
	struct stand_in_file *file = stand_in_find(path);
	if (!file)
		return give(0, ENOENT);
	if (interrupted(file))
		return give(0, EINTR);
	if (file->open_error)
		return give(0, file->open_error);
	int i = 0;
	while (open_files[i].path)
		if (++i == DESCRIPTORS_MAX)
			return give(0, EMFILE);
	open_files[i] = (struct open_file){ .path = strdup(path) };
	file->opened++;
	return give(FIRST_DESCRIPTOR + i, 0);
}

static struct open_file *opened(int descriptor)
{
	int i = descriptor - FIRST_DESCRIPTOR;
	return i >= 0 && i < DESCRIPTORS_MAX && open_files[i].path ? &open_files[i] : NULL;
}

static size_t at_most(size_t size, const struct stand_in_file *file)
{
	return file->most && file->most < size ? file->most : size;
}

static int load(struct stand_in_file *file, struct open_file *o)
{
	int number = 0;
	if (o->is_loaded)
		return 0;
	if (file->load)
		number = file->load(file, &o->loaded);
	else
		write_bytes(&o->loaded, blob_view(&file->content));
	o->is_loaded = !number;
	return number;
}

static ssize_t read_file(int descriptor, void *to, size_t size)
{
	take();
	struct open_file *o = opened(descriptor);
	struct stand_in_file *file = o ? stand_in_find(o->path) : NULL;
	if (!file)
		return give(0, EBADF);
	if (interrupted(file))
		return give(0, EINTR);
	int number = file->read_error ? file->read_error : load(file, o);
	if (number)
		return give(0, number);
	bytes part = bytes_slice(writer_view(&o->loaded), o->at, at_most(size, file));
	if (part.size)
		memcpy(to, part.data, part.size);
	o->at += part.size;
	return give((int)part.size, 0);
}

static ssize_t write_file(int descriptor, const void *from, size_t size)
{
	take();
	struct open_file *o = opened(descriptor);
	struct stand_in_file *file = o ? stand_in_find(o->path) : NULL;
	if (!file)
		return give(0, EBADF);
	if (interrupted(file))
		return give(0, EINTR);
	if (file->write_error)
		return give(0, file->write_error);
	size = at_most(size, file);
	write_bytes(&o->written, bytes_of(from, size));
	o->wrote = true;
	return give((int)size, 0);
}

static int save(struct stand_in_file *file, bytes written)
{
	if (file->save)
		return file->save(file, written);
	blob_free(&file->content);
	if (blob_copy(written, &file->content))
		abort();
	return 0;
}

static int close_file(int descriptor)
{
	take();
	struct open_file *o = opened(descriptor);
	struct stand_in_file *file = o ? stand_in_find(o->path) : NULL;
	int number = o ? 0 : EBADF;
	if (file && o->wrote)
		number = file->close_error ? file->close_error : save(file, writer_view(&o->written));
	if (o) {
		writer_free(&o->loaded);
		writer_free(&o->written);
		free(o->path);
		*o = (struct open_file){ 0 };
	}
	return give(0, number);
}

static int control(int descriptor, unsigned long request, void *argument)
{
	take();
	struct open_file *o = opened(descriptor);
	struct stand_in_file *file = o ? stand_in_find(o->path) : NULL;
	if (!file)
		return give(0, EBADF);
	if (interrupted(file))
		return give(0, EINTR);
	return give(0, file->control ? file->control(file, request, argument) : ENOTTY);
}

static int make_folder(const char *path, mode_t mode)
{
	(void)mode;
	take();
	if (stand_in_find(path))
		return give(0, EEXIST);
	int number = stand_in_mkdir_hook ? stand_in_mkdir_hook(path) : 0;
	if (!number)
		stand_in_add(path, NULL, 0)->type = S_IFDIR;
	return give(0, number);
}

static int remove_folder(const char *path)
{
	take();
	if (!stand_in_find(path))
		return give(0, ENOENT);
	int number = stand_in_rmdir_hook ? stand_in_rmdir_hook(path) : 0;
	if (!number)
		stand_in_remove(path);
	return give(0, number);
}

static void pause_for(unsigned milliseconds)
{
	take();
	paused += milliseconds;
	give(0, 0);
}

const struct kernel stand_in_kernel = { stat_file, open_file, read_file,   write_file,    close_file,
					control,   make_folder, remove_folder, pause_for };
