#include "coordinator/change.h"

error *change_begin(struct coordinator *c, struct change *ret)
{
	struct change change = { .coordinator = c };
	pthread_mutex_lock(&c->changing);
	error *e = store_begin(c->options.store, &change.txn);
	if (e) {
		pthread_mutex_unlock(&c->changing);
		return e;
	}
	change.mesh = coordinator_mesh(c);
	*ret = change;
	return NULL;
}

void change_end(struct change *change)
{
	struct coordinator *c = change->coordinator;
	if (!c)
		return;
	transaction_free(change->txn);
	mesh_release(change->mesh);
	*change = (struct change){ 0 };
	pthread_mutex_unlock(&c->changing);
}

static error *commit(struct change *change)
{
	struct coordinator *c = change->coordinator;
	struct audit_head head;
	TRY(audit_head_read(change->txn, &head));
	TRY(transaction_commit(&change->txn));
	pthread_mutex_lock(&c->lock);
	c->audit = head;
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

error *change_commit(struct change *change)
{
	error *e = commit(change);
	change_end(change);
	return e;
}

error *change_commit_mesh(struct change *change)
{
	struct mesh *after = NULL;
	error *e = mesh_load(change->txn, &after);
	if (!e)
		e = commit(change);
	if (!e)
		coordinator_publish(change->coordinator, TAKE(after));
	mesh_release(after);
	change_end(change);
	return e;
}
