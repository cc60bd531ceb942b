/* The latest activations, for GET /events: bounded in number and memory, the oldest go first. Every
 * function accepts NULL, which remembers nothing. Safe under threads. */
#pragma once
#include "base/blob.h"

enum {
	EVENTS_MAX = 1000,
	EVENTS_BYTES_MAX = 1 << 20, /* of all of them together; about 200 with SGX quotes */
};

struct events;
error *events_new(struct events **ret) MUST_USE;
void events_free(struct events *e);
DEFINE_CLEANUP(events_free, struct events *)
/* `type` and `uuid` are UTF-8. Without memory the event is lost. */
void events_add_activation(struct events *e, int64_t now_ms, bytes type, bytes uuid, bytes quote);
/* A JSON array of {time, activation: {marbleType, uuid, quote}}, the oldest first. */
void events_write(struct events *e, struct writer *w);
