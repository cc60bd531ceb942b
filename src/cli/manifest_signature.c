#include <stdio.h>

#include "cli/manifest_file.h"
#include "codec/hex.h"

error *run_manifest_signature(const struct options *options, int count, char **arguments)
{
	CLEANUP(blob_free) struct blob manifest = { 0 };
	CLEANUP(writer_free) struct writer hex = { 0 };
	uint8_t fingerprint[32];
	(void)options, (void)count;
	TRY(manifest_file_read(arguments[0], &manifest));
	manifest_fingerprint(blob_view(&manifest), fingerprint);
	write_hex(&hex, BYTES_OF_ARRAY(fingerprint));
	TRY(writer_check(&hex, "fingerprint"));
	printf("%.64s\n", (const char *)hex.data);
	return NULL;
}
