/* Bytes that are owned and public. What is secret is a struct secret. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include "base/writer.h"

struct blob {
	uint8_t *data;
	size_t size;
};

error *blob_copy(bytes from, struct blob *ret) MUST_USE;
/* Moves what the writer holds; the writer is empty afterwards. Checks it first, naming `what`. */
error *blob_of_writer(struct writer *w, const char *what, struct blob *ret) MUST_USE;
bytes blob_view(const struct blob *b);
void blob_free(struct blob *b);
DEFINE_CLEANUP_IN_PLACE(blob_free, struct blob)
/* The same for what was public when it came and turned out to hold a secret: zeroed. */
void blob_wipe(struct blob *b);
DEFINE_CLEANUP_IN_PLACE(blob_wipe, struct blob)
/* Hands over: the source is empty afterwards. */
struct blob blob_take(struct blob *from);
