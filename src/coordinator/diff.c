/* What an update would mean, before anybody makes it. */
#include "access/access.h"
#include "base/reader.h"
#include "coordinator/coordinator_internal.h"
#include "coordinator/new_manifest.h"
#include "coordinator/people.h"
#include "diff/diff.h"
#include "manifest/package_update.h"
#include "manifest/parse.h"

/* What MaxActivations has counted; the manifest has the names. */
struct counts {
	struct activation_count *items;
	size_t count;
	const struct manifest *manifest;
};

static void counts_free(struct counts *counts)
{
	free(counts->items);
}
DEFINE_CLEANUP_IN_PLACE(counts_free, struct counts)

static error *note_count(void *context, const char *name, bytes stored)
{
	struct counts *counts = context;
	struct reader r = reader_of(stored);
	uint64_t used = read_be64(&r);
	TRY(reader_finish(&r, name));
	const struct marble *marble = manifest_marble(counts->manifest, name + strlen(STORED_ACTIVATIONS));
	if (marble && counts->count < counts->manifest->marble_count)
		counts->items[counts->count++] = (struct activation_count){ marble->name, used };
	return NULL;
}

static error *read_counts(struct coordinator *c, struct counts *counts)
{
	CLEANUP(transaction_free) struct transaction *txn = NULL;
	counts->items = calloc(counts->manifest->marble_count + 1, sizeof *counts->items);
	TRY_ALLOC(counts->items);
	TRY(store_begin(c->options.store, &txn));
	return transaction_each(txn, STORED_ACTIVATIONS, note_count, counts);
}

/* Whatever the update itself would refuse. */
static error *read_new(const struct mesh *mesh, bytes text, struct manifest **ret)
{
	CLEANUP(manifest_free) struct manifest *m = NULL;
	TRY(manifest_parse(text, &m));
	if (!manifest_is_package_update(m)) {
		manifest_free(TAKE(m));
		TRY(new_manifest_read(text, &m));
		TRY(new_manifest_try(mesh, text));
	}
	*ret = TAKE(m);
	return NULL;
}

static error *describe(struct coordinator *c, const struct mesh *mesh, const struct manifest *new,
		       struct manifest_diff **ret)
{
	CLEANUP(counts_free) struct counts counts = { .manifest = mesh->manifest };
	CLEANUP(running_view_free) struct running_view running = { 0 };
	TRY(read_counts(c, &counts));
	TRY(running_look(&c->running, &running));
	struct running_state state = { running.marbles, running.count, counts.items, counts.count,
				       running.incomplete };
	return manifest_diff(mesh->manifest, new, &state, ret);
}

error *coordinator_diff(struct coordinator *c, bytes user_certificate, bytes text, json_t **ret)
{
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(c);
	CLEANUP(manifest_free) struct manifest *new = NULL;
	CLEANUP(manifest_diff_free) struct manifest_diff *found = NULL;
	const struct user *user;
	TRY(state_require(mesh->state, REQUEST_UPDATE));
	TRY(access_user(mesh->manifest, user_certificate, &user));
	if (!text.size && !mesh->pending.text.size)
		return error_new(ERROR_NOT_FOUND, "no update is pending");
	TRY_CTX(read_new(mesh, text.size ? text : blob_view(&mesh->pending.text), &new), "manifest");
	TRY_CTX(describe(c, mesh, new, &found), "manifest");
	return diff_json(found, ret);
}
