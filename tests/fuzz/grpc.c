/* HTTP/2 frames and gRPC messages from strangers. */
#include "http_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed(data, size, &http2_protocol);
	return 0;
}
