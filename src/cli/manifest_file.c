#include "cli/manifest_file.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/jsend.h"
#include "cli/output.h"
#include "codec/base64.h"
#include "codec/hex.h"

error *manifest_fingerprint(bytes manifest, uint8_t ret[FINGERPRINT_SIZE])
{
	if (!EVP_Digest(manifest.data, manifest.size, ret, NULL, EVP_sha256(), NULL))
		return error_new(ERROR_INTERNAL, "hashing the manifest");
	return NULL;
}

/* MarbleRun's command line takes YAML, too. */
static error *why_unreadable(error *e, bytes text)
{
	size_t i = 0;
	while (i < text.size && strchr(" \t\r\n", text.data[i]))
		i++;
	if (error_code(e) != ERROR_INVALID || (i < text.size && text.data[i] == '{'))
		return e;
	return error_wrap(e, "a manifest is a JSON object, which begins with '{' (docs/migrating.md converts YAML)");
}

error *manifest_read(const char *path, struct blob *ret)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	CLEANUP_JSON json_t *json = NULL;
	TRY(file_read(path, MANIFEST_SIZE_MAX, &text));
	error *e = json_parse(blob_view(&text), path, &json);
	if (e)
		return why_unreadable(e, blob_view(&text));
	if (!json_is_object(json))
		return error_new(ERROR_INVALID, "%s holds a JSON %s: a manifest is an object", path,
				 json_type_name(json));
	*ret = blob_take(&text);
	return NULL;
}

error *manifest_upload(struct coordinator *c, const char *endpoint, const struct blob *manifest,
		       json_t **ret)
{
	CLEANUP(writer_free) struct writer text = { 0 };
	write_base64(&text, blob_view(manifest));
	TRY(writer_check(&text, "manifest"));
	CLEANUP_JSON json_t *body = json_pack("{s:s%}", "manifest", (const char *)text.data, text.size);
	TRY_ALLOC(body);
	return coordinator_request(c, endpoint, body, ret);
}

/* 64 hexadecimal digits and nothing else but an end of line. */
static bool is_fingerprint(bytes text, uint8_t ret[FINGERPRINT_SIZE])
{
	while (text.size && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
		text.size--;
	error *e = hex_decode_into(text, "fingerprint", ret, FINGERPRINT_SIZE);
	error_free(e);
	return e == NULL;
}

static error *of_file(const char *path, uint8_t ret[FINGERPRINT_SIZE])
{
	CLEANUP(blob_free) struct blob text = { 0 };
	TRY(file_read(path, MANIFEST_SIZE_MAX, &text));
	if (is_fingerprint(blob_view(&text), ret))
		return NULL;
	blob_free(&text);
	TRY(manifest_read(path, &text));
	return manifest_fingerprint(blob_view(&text), ret);
}

error *manifest_expected(const char *argument, uint8_t ret[FINGERPRINT_SIZE])
{
	struct stat is;
	if (stat(argument, &is) == 0)
		return of_file(argument, ret);
	if (errno != ENOENT && errno != ENAMETOOLONG)
		return error_errno(ERROR_INVALID, errno, "opening %s", argument);
	if (is_fingerprint(bytes_of_string(argument), ret))
		return NULL;
	return error_new(ERROR_NOT_FOUND, "%s is neither a file nor the fingerprint of a manifest (64 "
			 "hexadecimal digits)", argument);
}

static error *check_signature(bytes text, bytes signature, X509 *root)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	TRY_ALLOC(digest);
	bool good = EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, X509_get0_pubkey(root)) == 1 &&
		    EVP_DigestVerify(digest, signature.data, signature.size, text.data, text.size) == 1;
	EVP_MD_CTX_free(digest);
	ERR_clear_error();
	if (!good)
		return error_new(ERROR_DENIED, "the coordinator's manifest is not signed by its root key");
	return NULL;
}

error *manifest_check_signed(bytes text, bytes fingerprint, bytes signature, X509 *root,
		      uint8_t ret[FINGERPRINT_SIZE])
{
	uint8_t named[FINGERPRINT_SIZE], found[FINGERPRINT_SIZE];
	TRY_CTX(hex_decode_into(fingerprint, "manifestFingerprint", named, sizeof named),
		"the coordinator's manifest");
	TRY(manifest_fingerprint(text, found));
	if (memcmp(named, found, sizeof named) != 0)
		return error_new(ERROR_DENIED, "the coordinator's manifest does not have the fingerprint "
				 "that the coordinator names: it is %s, %s is named",
				 hex_of(BYTES_OF_ARRAY(found)).text, hex_of(BYTES_OF_ARRAY(named)).text);
	TRY(check_signature(text, signature, root));
	memcpy(ret, found, sizeof found);
	return NULL;
}

error *manifest_fetch(struct coordinator *c, struct served_manifest *ret)
{
	static const char path[] = "/api/v2/manifest";
	CLEANUP_JSON json_t *data = NULL;
	CLEANUP(blob_free) struct blob text = { 0 };
	CLEANUP(blob_free) struct blob signature = { 0 };
	bytes fingerprint;
	TRY(coordinator_request(c, path, NULL, &data));
	TRY(json_text_member(data, "manifestFingerprint", path, &fingerprint));
	if (!fingerprint.size)
		return error_new(ERROR_WRONG_STATE, "the coordinator has no manifest yet");
	TRY(json_bytes_member(data, "manifest", path, &text));
	TRY(json_bytes_member(data, "manifestSignatureRootECDSA", path, &signature));
	TRY(manifest_check_signed(blob_view(&text), fingerprint, blob_view(&signature), c->chain.root,
			   ret->fingerprint));
	ret->text = blob_take(&text);
	return NULL;
}

/* One entry of the log: {"package": name, "new version": n, …}; others change no package. */
static error *apply_entry(json_t *manifest, const json_t *entry, bool *changed)
{
	CLEANUP_JSON json_t *update = NULL;
	TRY(json_parse(json_bytes(entry), "entry of the update log", &update));
	json_t *name = json_member(update, "package"), *version = json_member(update, "new version");
	if (!json_is_string(name) || !json_is_integer(version))
		return NULL;
	json_t *packages = json_member(manifest, "Packages");
	json_t *package = json_object_get(packages, json_string_value(name));
	if (!package)
		return error_new(ERROR_INVALID, "the update log names the package \"%s\", which the "
				 "manifest does not have", json_string_value(name));
	json_t *old = json_member(package, "SecurityVersion");
	*changed = true;
	if (old && json_integer_set(old, json_integer_value(version)) == 0)
		return NULL;
	return json_object_set(package, "SecurityVersion", version) == 0 ? NULL : error_no_memory();
}

/* Entries from before the present manifest do not concern it: where they end. */
static error *present_entries(const json_t *log, size_t *ret)
{
	size_t first = 0, i;
	json_t *entry;
	json_array_foreach(log, i, entry) {
		CLEANUP_JSON json_t *update = NULL;
		TRY(json_parse(json_bytes(entry), "entry of the update log", &update));
		if (bytes_equal_string(json_bytes(json_member(update, "update")), "Manifest updated"))
			first = i + 1;
	}
	*ret = first;
	return NULL;
}

error *manifest_merge_updates(struct coordinator *c, struct blob *text, bool *ret_changed)
{
	static const char path[] = "/api/v2/update";
	CLEANUP_JSON json_t *manifest = NULL;
	CLEANUP_JSON json_t *data = NULL;
	CLEANUP(blob_free) struct blob merged = { 0 };
	bool changed = false;
	TRY(json_parse(blob_view(text), "the coordinator's manifest", &manifest));
	TRY(coordinator_request(c, path, NULL, &data));
	json_t *entry, *log = json_member(data, "updateLog");
	size_t i, first;
	TRY(present_entries(log, &first));
	json_array_foreach(log, i, entry)
		if (i >= first)
			TRY(apply_entry(manifest, entry, &changed));
	*ret_changed = changed;
	if (!changed)
		return NULL;
	TRY(json_print(manifest, JSON_COMPACT, &merged));
	blob_free(text);
	*text = blob_take(&merged);
	return NULL;
}
