#include "cli/audit_log.h"

#include <openssl/err.h>
#include <stdio.h>

#include "cli/jsend.h"
#include "codec/hex.h"

enum { ENTRIES_MAX = 1000000 };
static const char endpoint[] = "/api/v2/log";

void audit_log_free(struct audit_log *log)
{
	json_decref(log->entries);
	*log = (struct audit_log){ 0 };
}

/* SHA-256(label with its NUL, digest of the entry before, be64 number, be32 size, entry). */
error *audit_link(struct audit_head *head, bytes entry)
{
	static const char label[] = "marblerun audit v1";
	CLEANUP(writer_free) struct writer w = { 0 };
	if (entry.size > UINT32_MAX)
		return error_new(ERROR_TOO_LARGE, "an entry of the log is larger than 4 GiB");
	write_bytes(&w, bytes_of(label, sizeof label));
	write_bytes(&w, BYTES_OF_ARRAY(head->digest));
	write_be64(&w, head->count + 1);
	write_be32(&w, (uint32_t)entry.size);
	write_bytes(&w, entry);
	TRY(writer_check(&w, "log entry"));
	if (EVP_Digest(w.data, w.size, head->digest, NULL, EVP_sha256(), NULL) != 1)
		return error_new(ERROR_INTERNAL, "hashing the log");
	head->count++;
	return NULL;
}

error *audit_check_signature(const struct audit_head *head, bytes signature, X509 *root)
{
	static const char label[] = "marblerun audit head v1";
	CLEANUP(writer_free) struct writer w = { 0 };
	write_bytes(&w, bytes_of(label, sizeof label));
	write_be64(&w, head->count);
	write_bytes(&w, BYTES_OF_ARRAY(head->digest));
	TRY(writer_check(&w, "log head"));
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	TRY_ALLOC(digest);
	bool good = EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, X509_get0_pubkey(root)) == 1 &&
		    EVP_DigestVerify(digest, signature.data, signature.size, w.data, w.size) == 1;
	EVP_MD_CTX_free(digest);
	ERR_clear_error();
	return good ? NULL : error_new(ERROR_DENIED, "the log is not signed by the coordinator's root key");
}

/* What a page says of the whole log. */
struct claim {
	struct audit_head head;
	struct blob signature;
};

static error *read_claim(json_t *page, struct claim *ret)
{
	bytes digest;
	json_t *count = json_member(page, "count");
	if (!json_is_integer(count) || json_integer_value(count) < 0)
		return error_new(ERROR_INVALID, "%s: the answer has no \"count\"", endpoint);
	TRY(json_text_member(page, "head", endpoint, &digest));
	TRY_CTX(hex_decode_into(digest, "head", ret->head.digest, sizeof ret->head.digest), "%s", endpoint);
	blob_free(&ret->signature);
	TRY(json_bytes_member(page, "signature", endpoint, &ret->signature));
	ret->head.count = (uint64_t)json_integer_value(count);
	return NULL;
}

static bool is_same(const struct audit_head *a, const struct audit_head *b)
{
	return a->count == b->count && memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

/* How many of those that were seen: the same one may have been seen twice. */
static size_t count_seen(const struct audit_seen *seen, const struct audit_head *head)
{
	size_t found = 0;
	for (size_t i = 0; i < seen->count; i++)
		found += is_same(&seen->heads[i], head);
	return found;
}

static error *take_entries(json_t *entries, const struct audit_seen *seen, struct audit_log *log,
			   size_t *passed)
{
	json_t *entry;
	size_t i;
	if (!json_is_array(entries))
		return error_new(ERROR_INVALID, "%s: the answer has no array \"entries\"", endpoint);
	json_array_foreach(entries, i, entry) {
		if (!json_is_string(entry))
			return error_new(ERROR_INVALID, "%s: an entry is no string", endpoint);
		if (log->head.count == ENTRIES_MAX)
			return error_new(ERROR_TOO_LARGE, "the log has more than %d entries", ENTRIES_MAX);
		TRY(audit_link(&log->head, json_bytes(entry)));
		if (json_array_append(log->entries, entry) != 0)
			return error_no_memory();
		*passed += count_seen(seen, &log->head);
	}
	return NULL;
}

static error *fetch_page(struct coordinator *c, const struct audit_seen *seen, struct audit_log *log,
			 struct claim *claim, size_t *passed)
{
	CLEANUP_JSON json_t *page = NULL;
	char path[64];
	uint64_t before = log->head.count;
	snprintf(path, sizeof path, "%s?from=%llu", endpoint, (unsigned long long)before + 1);
	TRY(coordinator_request(c, path, NULL, &page));
	TRY(read_claim(page, claim));
	TRY(take_entries(json_member(page, "entries"), seen, log, passed));
	if (log->head.count == before && before < claim->head.count)
		return error_new(ERROR_INVALID, "%s: entry %llu of %llu is missing", endpoint,
				 (unsigned long long)before + 1, (unsigned long long)claim->head.count);
	return NULL;
}

static error *check_head(const struct audit_log *log, const struct claim *claim, X509 *root)
{
	if (!is_same(&log->head, &claim->head))
		return error_new(ERROR_DENIED, "the log is not the one that the coordinator's root key signed: "
				 "%llu entries do not give the digest of its head",
				 (unsigned long long)log->head.count);
	return audit_check_signature(&claim->head, blob_view(&claim->signature), root);
}

static error *fetch_all(struct coordinator *c, const struct audit_seen *seen, struct audit_log *log,
			struct claim *claim, size_t *passed)
{
	log->entries = json_array();
	TRY_ALLOC(log->entries);
	do
		TRY(fetch_page(c, seen, log, claim, passed));
	while (log->head.count < claim->head.count);
	return check_head(log, claim, c->chain.root);
}

error *audit_log_fetch(struct coordinator *c, const struct audit_seen *seen, struct audit_log *ret,
		       bool *ret_as_seen)
{
	CLEANUP(audit_log_free) struct audit_log log = { 0 };
	struct claim claim = { 0 };
	size_t passed = count_seen(seen, &log.head);
	error *e = fetch_all(c, seen, &log, &claim, &passed);
	blob_free(&claim.signature);
	TRY(e);
	*ret_as_seen = passed == seen->count;
	*ret = log;
	log = (struct audit_log){ 0 };
	return NULL;
}
