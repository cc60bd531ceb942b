#include "cli/manifest_file.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/file.h"
#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/json.h"

error *manifest_file_read(const char *path, struct blob *ret)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	CLEANUP_JSON json_t *json = NULL;
	TRY(file_read(path, MANIFEST_FILE_MAX, &text));
	TRY(json_parse(blob_view(&text), path, &json));
	*ret = blob_take(&text);
	return NULL;
}

void manifest_fingerprint(bytes text, uint8_t ret[32])
{
	SHA256(text.data, text.size, ret);
}

/* ASN.1 ECDSA by the root key over SHA-256 of the manifest. */
static bool is_signed(X509 *root, bytes text, bytes signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context &&
		    EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, X509_get0_pubkey(root)) == 1 &&
		    EVP_DigestVerify(context, signature.data, signature.size, text.data, text.size) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return good;
}

static error *check_fingerprint(const json_t *data, bytes text)
{
	uint8_t expected[32], found[32];
	manifest_fingerprint(text, expected);
	TRY(hex_decode_into(json_bytes(json_object_get(data, "manifestFingerprint")), "manifestFingerprint",
			    found, sizeof found));
	if (memcmp(expected, found, sizeof expected) != 0)
		return error_new(ERROR_DENIED, "the coordinator's fingerprint is not that of its manifest");
	return NULL;
}

error *manifest_fetch(struct session *session, struct blob *ret)
{
	CLEANUP_JSON json_t *data = NULL;
	CLEANUP(blob_free) struct blob text = { 0 }, signature = { 0 };
	TRY(session_request(session, "/api/v2/manifest", NULL, &data));
	TRY(base64_decode(json_bytes(json_object_get(data, "manifest")), "manifest", &text));
	TRY(base64_decode(json_bytes(json_object_get(data, "manifestSignatureRootECDSA")), "signature",
			  &signature));
	TRY(check_fingerprint(data, blob_view(&text)));
	if (!is_signed(session->root, blob_view(&text), blob_view(&signature)))
		return error_new(ERROR_DENIED, "the manifest is not signed by the coordinator's root key");
	*ret = blob_take(&text);
	return NULL;
}
