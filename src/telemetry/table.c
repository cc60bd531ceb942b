#include "telemetry/table.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const uint64_t this_layout = 0x6d72626c74656c31; /* another layout: another number */
enum { WRITER_MS = 1000 };

const char *const refusal_names[REFUSAL_COUNT] = {
	[REFUSED_NOTHING] = "nothing",
	[REFUSED_NO_CERTIFICATE] = "no_certificate",
	[REFUSED_WRONG_CA] = "wrong_ca",
	[REFUSED_WRONG_NAME] = "wrong_name",
	[REFUSED_WRONG_TYPE] = "wrong_type",
	[REFUSED_NOT_TLS] = "not_tls",
	[REFUSED_UNLISTED] = "unlisted",
	[REFUSED_TIMEOUT] = "timeout",
	[REFUSED_AMBIGUOUS] = "ambiguous",
	[REFUSED_BY_PEER] = "by_peer",
	[REFUSED_CLOSED] = "closed",
	[REFUSED_OTHER] = "other",
};

void telemetry_prepare(struct telemetry *t)
{
	t->layout = this_layout;
	t->place_count = PLACE_FIRST;
	t->places[PLACE_OUTGOING].outgoing = true;
	memcpy(t->series[0].peer_type, "other", sizeof "other");
	t->series[0].state = SERIES_READY;
	sem_init(&t->written, 1, 0);
	for (uint64_t i = 0; i < TELEMETRY_LOG; i++)
		t->log[i].turn = i;
}

int telemetry_new(void)
{
	int file = memfd_create("marblerun telemetry", MFD_CLOEXEC);
	if (file < 0)
		return -1;
	void *table = MAP_FAILED;
	if (ftruncate(file, sizeof(struct telemetry)) == 0)
		table = mmap(NULL, sizeof(struct telemetry), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (table == MAP_FAILED) {
		close(file);
		return -1;
	}
	telemetry_prepare(table);
	munmap(table, sizeof(struct telemetry));
	return file;
}

struct telemetry *telemetry_map(int file)
{
	struct stat is;
	if (fstat(file, &is) != 0 || (size_t)is.st_size != sizeof(struct telemetry))
		return NULL;
	struct telemetry *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (t == MAP_FAILED)
		return NULL;
	if (t->layout == this_layout)
		return t;
	munmap(t, sizeof *t);
	return NULL;
}

void telemetry_unmap(struct telemetry *t)
{
	munmap(t, sizeof *t);
}

double telemetry_bound(unsigned bucket)
{
	return 0.0001 * (double)(1u << bucket);
}

/* Series */

static bool is_it(const struct telemetry_series *s, uint32_t place, const char *peer_type)
{
	return atomic_load_explicit(&s->state, memory_order_acquire) == SERIES_READY && s->place == place &&
	       strncmp(s->peer_type, peer_type, TELEMETRY_TEXT) == 0;
}

/* Two may make the same one at once: whoever shows them adds them up. */
struct telemetry_series *telemetry_series(struct telemetry *t, uint32_t place, const char *peer_type)
{
	if (place >= TELEMETRY_PLACES)
		return &t->series[0];
	for (size_t i = 1; i < TELEMETRY_SERIES; i++) {
		struct telemetry_series *s = &t->series[i];
		uint32_t none = SERIES_FREE;
		if (is_it(s, place, peer_type))
			return s;
		if (atomic_load_explicit(&s->state, memory_order_relaxed) != SERIES_FREE ||
		    !atomic_compare_exchange_strong(&s->state, &none, SERIES_BEING_MADE))
			continue;
		s->place = place;
		strncpy(s->peer_type, peer_type, TELEMETRY_TEXT - 1);
		atomic_store_explicit(&s->state, SERIES_READY, memory_order_release);
		return s;
	}
	return &t->series[0];
}

void telemetry_observe(struct telemetry_histogram *h, uint64_t ns)
{
	unsigned bucket = 0;
	while (bucket < TELEMETRY_BOUNDS && (double)ns > telemetry_bound(bucket) * 1e9)
		bucket++;
	telemetry_count(&h->buckets[bucket], 1);
	telemetry_count(&h->sum_ns, ns);
}

/* Open connections */

void telemetry_open(struct telemetry *t, size_t live, struct telemetry_series *series, int holder)
{
	telemetry_count(&series->opened, 1);
	if (live >= TELEMETRY_LIVE)
		return;
	t->live[live].holder = holder;
	t->live[live].series = (uint32_t)(series - t->series) + 1;
}

bool telemetry_close(struct telemetry *t, size_t live)
{
	uint32_t series = live < TELEMETRY_LIVE ? atomic_exchange(&t->live[live].series, 0) : 0;
	if (!series || series > TELEMETRY_SERIES)
		return false;
	telemetry_count(&t->series[series - 1].closed, 1);
	return true;
}

void telemetry_bury(struct telemetry *t)
{
	for (size_t i = 0; i < TELEMETRY_LIVE; i++)
		if (t->live[i].series && t->live[i].holder && kill(t->live[i].holder, 0) != 0 && errno == ESRCH)
			(void)telemetry_close(t, i);
}

/* The access log: a bounded queue with a turn in each slot; writers never wait. */

void telemetry_log(struct telemetry *t, const struct telemetry_entry *entry)
{
	uint64_t at = atomic_load(&t->next);
	for (;;) {
		struct telemetry_slot *slot = &t->log[at % TELEMETRY_LOG];
		uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
		if (turn < at) {
			telemetry_count(&t->lost, 1);
			return;
		}
		if (turn > at) {
			at = atomic_load(&t->next);
			continue;
		}
		if (!atomic_compare_exchange_weak(&t->next, &at, at + 1))
			continue;
		slot->entry = *entry;
		if (atomic_compare_exchange_strong(&slot->turn, &turn, at + 1)) /* else it took too long */
			sem_post(&t->written);
		return;
	}
}

static bool wait_for_line(struct telemetry *t, unsigned timeout_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	uint64_t ns = (uint64_t)until.tv_nsec + (uint64_t)timeout_ms * 1000000;
	until.tv_sec += (time_t)(ns / 1000000000);
	until.tv_nsec = (long)(ns % 1000000000);
	while (sem_timedwait(&t->written, &until) != 0)
		if (errno != EINTR)
			return false;
	return true;
}

/* Gives up a line that was begun and not finished. */
static void pass_over(struct telemetry *t, uint64_t *next)
{
	struct telemetry_slot *slot = &t->log[*next % TELEMETRY_LOG];
	uint64_t turn = *next;
	if (!atomic_compare_exchange_strong(&slot->turn, &turn, *next + TELEMETRY_LOG))
		return;
	telemetry_count(&t->lost, 1);
	++*next;
}

bool telemetry_next(struct telemetry *t, uint64_t *next, unsigned timeout_ms, struct telemetry_entry *ret)
{
	struct telemetry_slot *slot = &t->log[*next % TELEMETRY_LOG];
	while (atomic_load_explicit(&slot->turn, memory_order_acquire) != *next + 1) {
		bool begun = atomic_load(&t->next) > *next;
		if (wait_for_line(t, begun ? WRITER_MS : timeout_ms))
			continue;
		if (!begun)
			return false;
		pass_over(t, next);
		slot = &t->log[*next % TELEMETRY_LOG];
	}
	*ret = slot->entry;
	ret->peer_type[TELEMETRY_TEXT - 1] = ret->peer_uuid[TELEMETRY_UUID - 1] = '\0';
	atomic_store_explicit(&slot->turn, *next + TELEMETRY_LOG, memory_order_release);
	++*next;
	return true;
}
