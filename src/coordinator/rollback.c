#include "coordinator/rollback.h"

#include "coordinator/change.h"

error *rollback_mark(struct coordinator *c, const struct mesh *mesh, struct blob *ret)
{
	struct store_head head;
	store_head(c->options.store, &head);
	pthread_mutex_lock(&c->lock);
	bool fresh = c->mark.size && c->mark_epoch == head.epoch;
	error *e = fresh ? blob_copy(blob_view(&c->mark), ret) : NULL;
	pthread_mutex_unlock(&c->lock);
	if (fresh || e)
		return e;
	TRY(mark_sign(&c->history, &head, mesh->ca.root_key, ret));
	CLEANUP(blob_free) struct blob copy = { 0 };
	TRY(blob_copy(blob_view(ret), &copy));
	pthread_mutex_lock(&c->lock);
	blob_free(&c->mark);
	c->mark = blob_take(&copy);
	c->mark_epoch = head.epoch;
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Once is enough: until a person has looked, and set it right by an update of the manifest. */
static error *record(struct coordinator *c, const char *what, const char *marble_type, const char *uuid,
		     uint64_t seen, int64_t now)
{
	CLEANUP(change_end) struct change change = { 0 };
	struct store_head head;
	TRY(change_begin(c, &change));
	if (change.mesh->rolled_back)
		return NULL;
	store_head(c->options.store, &head);
	TRY(transaction_put(change.txn, STORED_ROLLBACK, bytes_of_string(what)));
	TRY(audit_append(change.txn, now, AUDIT_OTHER, "Rollback detected",
			 json_pack("{s:s, s:s, s:I, s:I}", "marbleType", marble_type, "uuid", uuid, "seenEpoch",
				   (json_int_t)seen, "epoch", (json_int_t)head.epoch)));
	return change_commit_mesh(&change);
}

error *rollback_check(struct coordinator *c, const struct mesh *mesh, bytes mark, const char *marble_type,
		      const char *uuid, int64_t now)
{
	struct store_head head;
	uint64_t seen;
	store_head(c->options.store, &head);
	error *found = mark_check(mark, mesh->ca.root_key, &c->history, &head, &seen);
	if (found)
		error_free(record(c, error_message(found), marble_type, uuid, seen, now));
	bool stop = mesh->manifest->config.stop_on_rollback;
	if (found && stop)
		return found;
	error_free(found);
	if (mesh->rolled_back && stop)
		return error_new(ERROR_DENIED, "the coordinator's state was rolled back, and the manifest says "
				 "StopOnRollback: nobody is let in until its owners have updated the manifest");
	return NULL;
}
