#include "coordinator/audit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#include "base/reader.h"

static const char label[] = "marblerun audit v1"; /* hashed with its NUL */
static const char head_name[] = "audit-head";

static void entry_name(uint64_t number, char ret[32])
{
	snprintf(ret, 32, "audit/%016llx", (unsigned long long)number);
}

error *audit_head_read(struct transaction *txn, struct audit_head *ret)
{
	struct audit_head head = { 0 };
	bytes stored;
	error *e = transaction_get(txn, head_name, &stored);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		*ret = head;
		return NULL;
	}
	TRY(e);
	struct reader r = reader_of(stored);
	head.entries = read_be64(&r);
	read_into(&r, head.digest, sizeof head.digest);
	TRY(reader_finish(&r, head_name));
	*ret = head;
	return NULL;
}

error *audit_entry(struct transaction *txn, uint64_t number, bytes *ret)
{
	char name[32];
	entry_name(number, name);
	return transaction_get(txn, name, ret);
}

static error *link_entry(struct audit_head *head, bytes entry)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_bytes(&w, bytes_of(label, sizeof label));
	write_bytes(&w, BYTES_OF_ARRAY(head->digest));
	write_be64(&w, ++head->entries);
	write_be32(&w, (uint32_t)entry.size);
	write_bytes(&w, entry);
	TRY(writer_check(&w, "audit entry"));
	if (EVP_Digest(w.data, w.size, head->digest, NULL, EVP_sha256(), NULL) != 1)
		return error_new(ERROR_INTERNAL, "SHA-256 is not available");
	return NULL;
}

static error *put_head(struct transaction *txn, const struct audit_head *head)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_be64(&w, head->entries);
	write_bytes(&w, BYTES_OF_ARRAY(head->digest));
	TRY(writer_check(&w, head_name));
	return transaction_put(txn, head_name, writer_view(&w));
}

static error *print_entry(int64_t now, enum audit_kind kind, const char *what, json_t *fields,
			  struct blob *ret)
{
	char text[32];
	time_t at = (time_t)now;
	struct tm parts;
	CLEANUP_JSON json_t *entry = json_object();
	if (!entry || !gmtime_r(&at, &parts))
		return error_new(ERROR_INTERNAL, "the clock is out of range");
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &parts);
	if (json_object_set_new(entry, "time", json_string(text)) != 0 ||
	    json_object_set_new(entry, kind == AUDIT_UPDATE ? "update" : "audit", json_string(what)) != 0 ||
	    json_object_update_missing(entry, fields) != 0)
		return error_no_memory();
	return json_print(entry, JSON_COMPACT, ret);
}

error *audit_append(struct transaction *txn, int64_t now, enum audit_kind kind, const char *what,
		    json_t *fields)
{
	CLEANUP_JSON json_t *owned = fields;
	CLEANUP(blob_free) struct blob entry = { 0 };
	struct audit_head head;
	char name[32];
	TRY_ALLOC(owned); /* an entry without its fields would hide who did it */
	TRY(print_entry(now, kind, what, owned, &entry));
	TRY(audit_head_read(txn, &head));
	TRY(link_entry(&head, blob_view(&entry)));
	entry_name(head.entries, name);
	TRY(transaction_put(txn, name, blob_view(&entry)));
	return put_head(txn, &head);
}

bool audit_is_update(bytes entry)
{
	/* "time" is the first member and has always the same length. */
	static const char from[] = "{\"time\":\"2026-01-31T12:00:00.000Z\",\"update\":";
	static const char member[] = "\"update\":";
	size_t at = sizeof from - sizeof member;
	return entry.size > sizeof from &&
	       memcmp(entry.data + at, member, sizeof member - 1) == 0;
}
