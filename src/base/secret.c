#include "base/secret.h"

#include <openssl/crypto.h>

#include "base/random.h"

error *secret_new(size_t size, struct secret *ret)
{
	uint8_t *data = calloc(1, size ? size : 1);
	TRY_ALLOC(data);
	*ret = (struct secret){ data, size };
	return NULL;
}

error *secret_random(size_t size, struct secret *ret)
{
	CLEANUP(secret_free) struct secret fresh = { 0 };
	TRY(secret_new(size, &fresh));
	TRY(random_fill(fresh.data, size));
	*ret = secret_take(&fresh);
	return NULL;
}

error *secret_copy(bytes from, struct secret *ret)
{
	struct secret copy;
	TRY(secret_new(from.size, &copy));
	if (from.size)
		memcpy(copy.data, from.data, from.size);
	*ret = copy;
	return NULL;
}

error *secret_of_writer(struct writer *w, const char *what, struct secret *ret)
{
	TRY(writer_check(w, what));
	*ret = (struct secret){ w->data, w->size };
	*w = (struct writer){ .limit = w->limit, .secret = true };
	return NULL;
}

bytes secret_view(const struct secret *s)
{
	return bytes_of(s->data, s->size);
}

bool secret_equal(bytes a, bytes b)
{
	return a.size == b.size && (a.size == 0 || CRYPTO_memcmp(a.data, b.data, a.size) == 0);
}

void secret_free(struct secret *s)
{
	if (s->data)
		explicit_bzero(s->data, s->size);
	free(s->data);
	*s = (struct secret){ 0 };
}

struct secret secret_take(struct secret *from)
{
	struct secret taken = *from;
	*from = (struct secret){ 0 };
	return taken;
}
