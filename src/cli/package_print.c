#include "cli/package_print.h"

#include <stdio.h>

#include "base/writer.h"
#include "codec/hex.h"

error *package_print(const struct options *options, const char *path, const struct package_properties *p)
{
	CLEANUP(writer_free) struct writer unique = { 0 }, signer = { 0 };
	write_hex(&unique, BYTES_OF_ARRAY(p->unique_id));
	write_hex(&signer, BYTES_OF_ARRAY(p->signer_id));
	TRY(writer_check(&unique, "UniqueID"));
	TRY(writer_check(&signer, "SignerID"));
	const char *format = options->output ?
		"{\"UniqueID\": \"%.64s\", \"SignerID\": \"%.64s\", \"ProductID\": %u, "
		"\"SecurityVersion\": %u, \"Debug\": %s}\n" :
		"UniqueID (MRENCLAVE)      : %.64s\n"
		"SignerID (MRSIGNER)       : %.64s\n"
		"ProductID (ISVPRODID)     : %u\n"
		"SecurityVersion (ISVSVN)  : %u\n"
		"Debug                     : %s\n";
	if (!options->output)
		printf("PackageProperties for '%s':\n", path);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	printf(format, (const char *)unique.data, (const char *)signer.data, p->product_id,
	       p->security_version, p->debug ? "true" : "false");
#pragma GCC diagnostic pop
	return NULL;
}
