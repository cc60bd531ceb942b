/* The library comes into a process, and leaves it; fork and exec in between. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "ttls/count.h"
#include "ttls/handover.h"
#include "ttls/heap.h"
#include "ttls/hook.h"
#include "ttls/rules.h"
#include "ttls/streams.h"

/* For whoever looks at the file: nothing in a program can ask for it. */
__attribute__((used, retain)) static const char version[] = "libmarblerun-ttls " MARBLERUN_VERSION;

/* Where this library was loaded from, for the program's children. */
static void note_path(void)
{
	Dl_info found;
	if (dladdr((const void *)&plane, &found) && found.dli_fname)
		plane.path = realpath(found.dli_fname, NULL);
}

static bytes handed_policy;

/* Out of the program's heap. They stay. */
static bool keep_keys(void)
{
	for (size_t i = 0; i < plane.policy.rule_count; i++) {
		char **key = &plane.policy.rules[i].key;
		size_t size = strlen(*key) + 1;
		char *kept = heap_alloc(size);
		if (!kept)
			return false;
		memcpy(kept, *key, size);
		explicit_bzero(*key, size);
		free(*key);
		*key = kept;
	}
	return true;
}

/* What the launcher has sealed can't have been changed since. */
static bool read_policy(int file)
{
	const int sealed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct stat is;
	if ((sys->fcntl(file, F_GET_SEALS) & sealed) != sealed || fstat(file, &is) != 0 || is.st_size <= 0)
		return false;
	size_t size = (size_t)is.st_size;
	void *content = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
	if (content == MAP_FAILED)
		return false;
	heap_protect(content, size); /* stays mapped: so its pages stay where they are */
	handed_policy = bytes_of(content, size);
	error *e = plane_policy_read(bytes_of(content, size), &plane.policy);
	bool read = !e;
	error_free(e);
	return read && keep_keys();
}

static bool is_held(const struct shared_connection *shared)
{
	return connection_with(shared) != NULL;
}

static void adopt_inherited(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	while (folder && (entry = readdir(folder))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);
		if (*entry->d_name != '.' && connection_adopt(fd))
			streams_follow(fd);
	}
	if (folder)
		closedir(folder);
	shared_reconcile(plane.region, plane.process, is_held);
}

static bool start(const char *handover)
{
	if (!handover_parse(handover, plane.files))
		return false;
	plane.process = getpid();
	plane.region = shared_region_map(plane.files[HANDOVER_REGION]);
	plane.telemetry = telemetry_map(plane.files[HANDOVER_TELEMETRY]);
	if (!plane.region || !heap_serve_openssl() || !read_policy(plane.files[HANDOVER_POLICY]) || !rules_prepare())
		return false;
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	return true;
}

/* The parent may close its descriptors before the child has said that it holds them too. */
static void announce_child(int fd, struct connection *c)
{
	(void)fd;
	c->shared->forks++;
}

static void hold_as_child(int fd, struct connection *c)
{
	(void)fd;
	shared_hold(c->shared, plane.process);
	count_holder(c->shared);
	c->shared->forks--;
}

static void before_fork(void)
{
	if (plane.mode != PLANE_ON)
		return;
	connection_each(announce_child);
	heap_lock();
}

static void after_fork(void)
{
	if (plane.mode == PLANE_ON)
		heap_unlock();
}

static void in_child(void)
{
	if (plane.mode != PLANE_ON)
		return;
	heap_unlock();
	heap_protect_in_child();
	heap_protect((void *)(uintptr_t)handed_policy.data, handed_policy.size);
	shared_lock_secrets(plane.region);
	plane.process = getpid();
	rules_in_child();
	handshake_in_child();
	connection_each(hold_as_child);
}

__attribute__((constructor)) static void arrive(void)
{
	const char *handover = getenv(HANDOVER_VARIABLE);
	system_find();
	if (!handover)
		return;
	plane.mode = PLANE_BROKEN;
	note_path();
	if (!start(handover))
		return;
	plane.mode = PLANE_ON;
	pthread_atfork(before_fork, after_fork, in_child);
	adopt_inherited();
}

static void leave(void)
{
	if (plane.mode == PLANE_ON && own_process())
		connection_detach_all();
}

__attribute__((destructor)) static void depart(void)
{
	if (plane.mode != PLANE_ON || !own_process())
		return;
	fflush(NULL);
	leave();
}

HOOK __attribute__((noreturn)) void _exit(int status)
{
	leave();
	sys->_exit(status);
	__builtin_unreachable();
}

HOOK __attribute__((noreturn)) void _Exit(int status)
{
	_exit(status);
}

HOOK __attribute__((noreturn)) void quick_exit(int status)
{
	leave();
	sys->quick_exit(status);
	__builtin_unreachable();
}
