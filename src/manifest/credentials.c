#include "manifest/credentials.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "codec/pem.h"

static bool is_certificate(bytes der)
{
	const unsigned char *at = der.data;
	X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
	bool whole = certificate && at == der.data + der.size;
	X509_free(certificate);
	ERR_clear_error();
	return whole;
}

/* The next block; its label must be `label`. *found is false at the end. */
static error *next_block(struct pem_walk *walk, const char *label, const struct place *at, bool *found,
			 struct secret *ret)
{
	char actual[64];
	struct secret block = { 0 };
	TRY(refuse_for(at, pem_next(walk, "PEM", found, actual, &block)));
	if (*found && strcmp(actual, label) != 0) {
		secret_free(&block);
		return refuse(at, "a PEM block \"%s\" expected, \"%s\" found", label, shown(actual).text);
	}
	*ret = block;
	return NULL;
}

static error *refuse_later_blocks(struct pem_walk *walk, const char *label, const struct place *at)
{
	bool found = true;
	while (found) {
		CLEANUP(secret_free) struct secret block = { 0 };
		TRY(next_block(walk, label, at, &found, &block));
	}
	return NULL;
}

error *certificate_decode(const char *pem, const struct place *at, struct arena *arena,
			  struct blob *ret)
{
	static const char label[] = "CERTIFICATE";
	struct pem_walk walk = { .rest = bytes_of_string(pem) };
	CLEANUP(secret_free) struct secret der = { 0 };
	bool found;
	TRY(next_block(&walk, label, at, &found, &der));
	if (!found || !is_certificate(secret_view(&der)))
		return refuse(at, "an X.509 certificate in PEM (\"BEGIN CERTIFICATE\") expected");
	TRY(refuse_later_blocks(&walk, label, at));
	uint8_t *copy = arena_alloc(arena, 1, der.size);
	TRY_ALLOC(copy);
	memcpy(copy, der.data, der.size);
	*ret = (struct blob){ copy, der.size };
	return NULL;
}

/* Bits of the RSA key in a SubjectPublicKeyInfo; 0 when it holds none. */
static int rsa_bits(bytes der)
{
	const unsigned char *at = der.data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der.size);
	bool whole = key && at == der.data + der.size && EVP_PKEY_is_a(key, "RSA");
	int bits = whole ? EVP_PKEY_get_bits(key) : 0;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return bits;
}

error *recovery_key_check(const char *pem, const struct place *at)
{
	static const char label[] = "PUBLIC KEY";
	struct pem_walk walk = { .rest = bytes_of_string(pem) };
	CLEANUP(secret_free) struct secret der = { 0 };
	bool found;
	TRY(next_block(&walk, label, at, &found, &der));
	int bits = found ? rsa_bits(secret_view(&der)) : 0;
	if (!bits)
		return refuse(at, "an RSA public key in PEM (\"BEGIN PUBLIC KEY\") expected");
	if (bits < RECOVERY_KEY_BITS_MIN || bits > RECOVERY_KEY_BITS_MAX)
		return refuse(at, "an RSA key of %d bits, %d to %d expected", bits, RECOVERY_KEY_BITS_MIN,
			      RECOVERY_KEY_BITS_MAX);
	return refuse_later_blocks(&walk, label, at);
}
