#include "base/blob.h"

error *blob_copy(bytes from, struct blob *ret)
{
	uint8_t *data = malloc(from.size ? from.size : 1);
	TRY_ALLOC(data);
	if (from.size)
		memcpy(data, from.data, from.size);
	*ret = (struct blob){ data, from.size };
	return NULL;
}

error *blob_of_writer(struct writer *w, const char *what, struct blob *ret)
{
	TRY(writer_check(w, what));
	*ret = (struct blob){ w->data, w->size };
	*w = (struct writer){ .limit = w->limit, .secret = w->secret };
	return NULL;
}

bytes blob_view(const struct blob *b)
{
	return bytes_of(b->data, b->size);
}

void blob_free(struct blob *b)
{
	free(b->data);
	*b = (struct blob){ 0 };
}

void blob_wipe(struct blob *b)
{
	if (b->size)
		explicit_bzero(b->data, b->size);
	blob_free(b);
}

struct blob blob_take(struct blob *from)
{
	struct blob taken = *from;
	*from = (struct blob){ 0 };
	return taken;
}
