#include "attest/sealing.h"

#include "base/hkdf.h"

const char *sealing_kind_name(enum sealing_kind kind)
{
	return kind == SEALING_UNIQUE ? "unique" : "product";
}

static bool all_zero(bytes key)
{
	uint8_t any = 0;
	for (size_t i = 0; i < key.size; i++)
		any |= key.data[i];
	return any == 0;
}

error *sealing_key_derive(bytes platform_key, const char *platform, enum sealing_kind kind,
			  bytes identity, struct secret *ret)
{
	static const char label[] = "marblerun sealing key 1";
	CLEANUP(writer_free) struct writer info = { 0 };
	CLEANUP(secret_free) struct secret key = { 0 };
	if (all_zero(platform_key))
		return error_new(ERROR_INVALID, "%s: the platform's %s sealing key is all zeros: it was "
				 "never set", platform, sealing_kind_name(kind));
	/* Injective: texts end in NUL, the identity reaches to the end. */
	write_bytes(&info, BYTES_OF_ARRAY(label));
	write_bytes(&info, bytes_of(platform, strlen(platform) + 1));
	write_u8(&info, (uint8_t)kind);
	write_bytes(&info, identity);
	TRY(writer_check(&info, "sealing key"));
	TRY(secret_new(SEALING_KEY_SIZE, &key));
	TRY(hkdf_sha256(platform_key, BYTES_EMPTY, writer_view(&info), &key));
	*ret = secret_take(&key);
	return NULL;
}
