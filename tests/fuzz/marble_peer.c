/* What a peer shows a marble: its certificate, and as the coordinator the answer to a counter. */
#include <openssl/err.h>

#include "marble/counter.h"
#include "marble/marble.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const X509 *certificate)
{
	static struct marblerun_peer peer;
	memset(&peer, 'x', sizeof peer);
	CLEANUP(error_free) error *e = peer_of_certificate(certificate, &peer);
	bool untouched = peer.uuid[0] == 'x' && peer.type[0] == 'x';
	bool terminated = memchr(peer.uuid, 0, sizeof peer.uuid) == peer.uuid + MARBLERUN_UUID_SIZE - 1 &&
			  peer.type[0] && memchr(peer.type, 0, sizeof peer.type);
	if (e ? !untouched : !terminated)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *at = data;
	uint64_t value = UINT64_MAX;
	X509 *certificate = d2i_X509(NULL, &at, (long)size);
	if (certificate)
		look_at(certificate);
	X509_free(certificate);
	ERR_clear_error();
	CLEANUP(error_free) error *e = counter_answer(size % 4 ? 200 : 503, bytes_of(data, size), &value);
	if (!e != (value <= INT64_MAX))
		abort();
	return 0;
}
