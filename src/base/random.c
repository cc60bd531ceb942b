#include "base/random.h"

#include <limits.h>
#include <openssl/rand.h>

error *random_fill(void *to, size_t size)
{
	if (size > INT_MAX || RAND_priv_bytes(to, (int)size) != 1)
		return error_new(ERROR_INTERNAL, "the random generator gave no bytes");
	return NULL;
}
