#include "ttls/shared.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>


static const uint64_t region_magic = 0x6d7262746c733032; /* another layout: another number */

struct shared_region {
	uint64_t magic;
	_Atomic uint32_t next; /* where to look for a free place first */
	_Atomic uint64_t cookies[SHARED_CONNECTIONS];
	_Atomic uint8_t taken[SHARED_PARTIALS];
	_Alignas(4096) struct shared_secrets secrets[SHARED_CONNECTIONS];
	_Alignas(4096) struct shared_connection connections[SHARED_CONNECTIONS];
	uint8_t partials[SHARED_PARTIALS][RECORD_MAX]; /* sealed: need not be locked */
};

int shared_region_new(void)
{
	int file = memfd_create("marblerun data plane", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (file < 0)
		return -1;
	uint64_t magic = region_magic;
	if (ftruncate(file, sizeof(struct shared_region)) != 0 ||
	    pwrite(file, &magic, sizeof magic, 0) != sizeof magic) {
		close(file);
		return -1;
	}
	return file;
}

struct shared_region *shared_region_map(int file)
{
	struct stat is;
	if (fstat(file, &is) != 0 || (size_t)is.st_size != sizeof(struct shared_region))
		return NULL;
	struct shared_region *region =
		mmap(NULL, sizeof *region, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (region == MAP_FAILED)
		return NULL;
	if (region->magic != region_magic) {
		munmap(region, sizeof *region);
		return NULL;
	}
	shared_lock_secrets(region);
	madvise(region, sizeof *region, MADV_DONTDUMP);
	return region;
}

void shared_lock_secrets(struct shared_region *region)
{
	(void)!mlock2(region->secrets, sizeof region->secrets, MLOCK_ONFAULT);
}

struct shared_secrets *shared_secrets(struct shared_region *region, const struct shared_connection *c)
{
	return &region->secrets[shared_index(region, c)];
}

size_t shared_index(const struct shared_region *region, const struct shared_connection *c)
{
	return (size_t)(c - region->connections);
}

static bool alive(int process)
{
	return kill(process, 0) == 0 || errno != ESRCH;
}

void shared_hold(struct shared_connection *c, int process)
{
	for (int i = 0; i < HOLDERS_MAX; i++)
		if (c->holders[i] == process)
			return;
	for (int i = 0; i < HOLDERS_MAX; i++) {
		int holder = c->holders[i];
		if ((!holder || !alive(holder)) &&
		    atomic_compare_exchange_strong(&c->holders[i], &holder, process))
			return;
	}
	/* Too many: it keeps the first ones, and so the last of them says goodbye too early or never. */
}

bool shared_release(struct shared_connection *c, int process)
{
	bool others = c->forks > 0;
	for (int i = 0; i < HOLDERS_MAX; i++) {
		int holder = c->holders[i];
		if (holder == process)
			c->holders[i] = 0;
		else if (holder)
			others |= alive(holder);
	}
	return !others;
}

static void prepare(struct shared_connection *c)
{
	pthread_mutexattr_t attributes;
	memset(c, 0, sizeof *c);
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&c->receive_lock, &attributes);
	pthread_mutex_init(&c->send_lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

static bool abandoned(struct shared_connection *c)
{
	for (int i = 0; i < HOLDERS_MAX; i++)
		if (c->holders[i] && alive(c->holders[i]))
			return false;
	return true;
}

/* Takes a free place; with `reclaim` also one whose processes have all died. */
static struct shared_connection *take(struct shared_region *region, uint64_t cookie, bool reclaim)
{
	uint32_t start = atomic_fetch_add(&region->next, 1);
	for (uint32_t n = 0; n < SHARED_CONNECTIONS; n++) {
		uint32_t i = (start + n) % SHARED_CONNECTIONS;
		uint64_t had = region->cookies[i];
		if (had && (!reclaim || !abandoned(&region->connections[i])))
			continue;
		if (!atomic_compare_exchange_strong(&region->cookies[i], &had, UINT64_MAX))
			continue;
		if (had)
			shared_partial_free(region, &region->connections[i]);
		prepare(&region->connections[i]);
		shared_hold(&region->connections[i], getpid());
		region->cookies[i] = cookie;
		return &region->connections[i];
	}
	return NULL;
}

struct shared_connection *shared_add(struct shared_region *region, uint64_t cookie)
{
	struct shared_connection *c = take(region, cookie, false);
	return c ? c : take(region, cookie, true);
}

struct shared_connection *shared_find(struct shared_region *region, uint64_t cookie)
{
	for (uint32_t i = 0; i < SHARED_CONNECTIONS; i++)
		if (region->cookies[i] == cookie)
			return &region->connections[i];
	return NULL;
}

void shared_reconcile(struct shared_region *region, int process, bool (*held)(const struct shared_connection *))
{
	for (uint32_t n = 0; n < SHARED_CONNECTIONS; n++) {
		struct shared_connection *c = &region->connections[n];
		for (int i = 0; region->cookies[n] && i < HOLDERS_MAX; i++)
			if (c->holders[i] == process && !held(c))
				c->holders[i] = 0;
	}
}

void shared_remove(struct shared_region *region, struct shared_connection *c)
{
	size_t index = shared_index(region, c);
	shared_partial_free(region, c);
	explicit_bzero(&region->secrets[index], sizeof region->secrets[index]);
	explicit_bzero(c, sizeof *c);
	region->cookies[index] = 0;
}

void shared_count(const struct shared_region *region, size_t *ret_connections, size_t *ret_partials)
{
	*ret_connections = *ret_partials = 0;
	for (uint32_t i = 0; i < SHARED_CONNECTIONS; i++)
		*ret_connections += region->cookies[i] != 0;
	for (uint32_t i = 0; i < SHARED_PARTIALS; i++)
		*ret_partials += region->taken[i];
}

/* The lowest free one: so that few pages are ever touched. */
uint8_t *shared_partial(struct shared_region *region, struct shared_connection *c)
{
	for (uint32_t i = 0; !c->partial && i < SHARED_PARTIALS; i++) {
		uint8_t none = 0;
		if (!region->taken[i] && atomic_compare_exchange_strong(&region->taken[i], &none, 1))
			c->partial = i + 1;
	}
	return c->partial ? region->partials[c->partial - 1] : NULL;
}

void shared_partial_free(struct shared_region *region, struct shared_connection *c)
{
	if (c->partial)
		region->taken[c->partial - 1] = 0;
	c->partial = c->partial_size = 0;
}

bool shared_lock(pthread_mutex_t *lock)
{
	int failed = pthread_mutex_lock(lock);
	if (failed == EOWNERDEAD)
		pthread_mutex_unlock(lock); /* without making it consistent: nobody gets it again */
	return !failed;
}

void shared_unlock(pthread_mutex_t *lock)
{
	pthread_mutex_unlock(lock);
}
