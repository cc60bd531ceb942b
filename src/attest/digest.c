#include "attest/digest.h"

#include <openssl/evp.h>

static error *digest(const bytes *parts, size_t count, bool lengths, uint8_t ret[32])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned size = 32;
	bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
	for (size_t i = 0; i < count && good; i++) {
		if (lengths)
			good = EVP_DigestUpdate(context, &parts[i].size, sizeof parts[i].size) == 1;
		good = good && EVP_DigestUpdate(context, parts[i].data, parts[i].size) == 1;
	}
	good = good && EVP_DigestFinal_ex(context, ret, &size) == 1;
	EVP_MD_CTX_free(context);
	return good ? NULL : error_new(ERROR_INTERNAL, "SHA-256 is not available");
}

error *digest_concatenated(const bytes *parts, size_t count, uint8_t ret[32])
{
	return digest(parts, count, false, ret);
}

error *digest_separated(const bytes *parts, size_t count, uint8_t ret[32])
{
	return digest(parts, count, true, ret);
}
