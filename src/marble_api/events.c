#include "marble_api/events.h"

#include <pthread.h>
#include <stdatomic.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/timestamp.h"

/* In one piece of memory: type, UUID and quote follow. */
struct activation_event {
	struct activation_event *newer; /* the lock's; all else stays as it is made */
	atomic_size_t holders;
	int64_t time_ms;
	size_t size; /* of all of it */
	bytes type, uuid, quote;
	uint8_t texts[];
};

struct events {
	pthread_mutex_t lock;
	struct activation_event *oldest, *newest;
	size_t count, bytes;
};

error *events_new(struct events **ret)
{
	struct events *e = calloc(1, sizeof *e);
	TRY_ALLOC(e);
	pthread_mutex_init(&e->lock, NULL);
	*ret = e;
	return NULL;
}

static void release(struct activation_event *event)
{
	if (atomic_fetch_sub(&event->holders, 1) == 1)
		free(event);
}

static void forget_oldest(struct events *e)
{
	struct activation_event *oldest = e->oldest;
	e->oldest = oldest->newer;
	if (!e->oldest)
		e->newest = NULL;
	e->count--;
	e->bytes -= oldest->size;
	release(oldest);
}

void events_free(struct events *e)
{
	if (!e)
		return;
	while (e->oldest)
		forget_oldest(e);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static bytes put(struct activation_event *event, size_t *used, bytes text)
{
	bytes copy = bytes_of(event->texts + *used, text.size);
	if (text.size)
		memcpy(event->texts + *used, text.data, text.size);
	*used += text.size;
	return copy;
}

static struct activation_event *make(int64_t now_ms, bytes type, bytes uuid, bytes quote)
{
	size_t size = sizeof(struct activation_event) + type.size + uuid.size + quote.size, used = 0;
	struct activation_event *made = size <= EVENTS_BYTES_MAX ? malloc(size) : NULL;
	if (!made)
		return NULL;
	*made = (struct activation_event){ .holders = 1, .time_ms = now_ms, .size = size };
	made->type = put(made, &used, type);
	made->uuid = put(made, &used, uuid);
	made->quote = put(made, &used, quote);
	return made;
}

void events_add_activation(struct events *e, int64_t now_ms, bytes type, bytes uuid, bytes quote)
{
	struct activation_event *made = e ? make(now_ms, type, uuid, quote) : NULL;
	if (!made)
		return;
	pthread_mutex_lock(&e->lock);
	while (e->count == EVENTS_MAX || e->bytes + made->size > EVENTS_BYTES_MAX)
		forget_oldest(e);
	if (e->newest)
		e->newest->newer = made;
	else
		e->oldest = made;
	e->newest = made;
	e->count++;
	e->bytes += made->size;
	pthread_mutex_unlock(&e->lock);
}

static void write_event(struct writer *w, const struct activation_event *event)
{
	write_string(w, "{\"time\":\"");
	write_timestamp_ms(w, event->time_ms);
	write_string(w, "\",\"activation\":{\"marbleType\":");
	write_json_string(w, event->type);
	write_string(w, ",\"uuid\":");
	write_json_string(w, event->uuid);
	write_string(w, ",\"quote\":\"");
	write_base64(w, event->quote);
	write_string(w, "\"}}");
}

/* Activations must not wait for whoever reads, which takes much longer than this. */
static size_t hold_all(struct events *e, struct activation_event *held[EVENTS_MAX])
{
	size_t count = 0;
	pthread_mutex_lock(&e->lock);
	for (struct activation_event *event = e->oldest; event; event = event->newer) {
		atomic_fetch_add(&event->holders, 1);
		held[count++] = event;
	}
	pthread_mutex_unlock(&e->lock);
	return count;
}

void events_write(struct events *e, struct writer *w)
{
	struct activation_event *held[EVENTS_MAX];
	size_t count = e ? hold_all(e, held) : 0;
	write_string(w, "[");
	for (size_t i = 0; i < count; i++) {
		write_string(w, i ? "," : "");
		write_event(w, held[i]);
		release(held[i]);
	}
	write_string(w, "]\n");
}
