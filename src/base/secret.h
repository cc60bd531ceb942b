/* Bytes that must not be seen: wiped on release, compared in constant time, never printed,
 * moved rather than copied. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include "base/writer.h"

struct secret {
	uint8_t *data;
	size_t size;
};

/* `size` zero bytes. */
error *secret_new(size_t size, struct secret *ret) MUST_USE;
/* `size` bytes from the random generator. */
error *secret_random(size_t size, struct secret *ret) MUST_USE;
error *secret_copy(bytes from, struct secret *ret) MUST_USE;
/* Moves what the writer (with .secret set) holds; the writer is empty afterwards. */
error *secret_of_writer(struct writer *w, const char *what, struct secret *ret) MUST_USE;
/* A look at the content, for code that encrypts, derives or delivers it. */
bytes secret_view(const struct secret *s);
/* Constant time in the content. */
bool secret_equal(bytes a, bytes b);
void secret_free(struct secret *s);
DEFINE_CLEANUP_IN_PLACE(secret_free, struct secret)
/* Hands over: the source is empty afterwards. */
struct secret secret_take(struct secret *from);
