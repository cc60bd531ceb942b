/* The audit log as people read it. */
#include <openssl/evp.h>

#include "coordinator/change.h"
#include "coordinator/people.h"

/* What the root key signs: the label keeps it apart from everything else that it signs. */
static error *sign_head(const struct mesh *mesh, const struct audit_head *head, struct blob *ret)
{
	static const char label[] = "marblerun audit head v1";
	CLEANUP(writer_free) struct writer w = { 0 };
	write_bytes(&w, bytes_of(label, sizeof label));
	write_be64(&w, head->entries);
	write_bytes(&w, BYTES_OF_ARRAY(head->digest));
	TRY(writer_check(&w, "log head"));
	return key_sign(mesh->ca.root_key, writer_view(&w), ret);
}

static error *read_entries(struct transaction *txn, uint64_t first, size_t most, bool updates_only,
			   struct log_page *page)
{
	uint64_t last = page->head.entries;
	size_t room = last >= first ? (size_t)(last - first + 1) : 0;
	page->entries = calloc((room < most ? room : most) + 1, sizeof *page->entries);
	TRY_ALLOC(page->entries);
	for (uint64_t i = first; i <= last && page->count < most; i++) {
		bytes entry;
		TRY(audit_entry(txn, i, &entry));
		if (!updates_only || audit_is_update(entry))
			TRY(blob_copy(entry, &page->entries[page->count++]));
	}
	return NULL;
}

error *coordinator_log(struct coordinator *c, uint64_t first, size_t most, bool updates_only,
		       struct log_page *ret)
{
	CLEANUP(log_page_free) struct log_page page = { 0 };
	CLEANUP(mesh_release) struct mesh *mesh = NULL;
	CLEANUP(change_end) struct change change = { 0 };
	TRY(change_begin(c, &change));
	TRY(state_require(change.mesh->state, REQUEST_READ_LOG));
	TRY(audit_head_read(change.txn, &page.head));
	TRY(read_entries(change.txn, first ? first : 1, most, updates_only, &page));
	mesh = mesh_retain(change.mesh);
	change_end(&change);
	TRY(sign_head(mesh, &page.head, &page.signature));
	*ret = page;
	page = (struct log_page){ 0 };
	return NULL;
}

void log_page_free(struct log_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		blob_free(&page->entries[i]);
	free(page->entries);
	blob_free(&page->signature);
	*page = (struct log_page){ 0 };
}
