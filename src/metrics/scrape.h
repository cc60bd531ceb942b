/* A server of a few documents over plain HTTP, for whoever watches this process. It says what it says to
 * everybody who reaches it, so its address decides who that is. */
#pragma once
#include "base/writer.h"
#include "net/http_server.h"

struct scrape_document {
	const char *path, *content_type;
	void (*write)(void *context, struct writer *w);
	void *context;
};

struct scrape_server;
/* Documents are copied, what they point to is borrowed. They are written by a thread of its own that
 * gives way to all others: watching, however eager, does not hold up what is watched. */
error *scrape_server_start(struct loops *loops, const char *address,
			   const struct scrape_document *documents, size_t count,
			   struct scrape_server **ret) MUST_USE;
uint16_t scrape_server_port(const struct scrape_server *s);
/* As http_server_stop. */
void scrape_server_stop(struct scrape_server *s, unsigned limit_s, void (*drained)(void *context),
			void *context);
/* After it is drained and the loops have ended. NULL is accepted. */
void scrape_server_free(struct scrape_server *s);
