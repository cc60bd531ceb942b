/* HTTP/1.1 requests from strangers. */
#include "http_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed(data, size, NULL);
	return 0;
}
