#include "kubernetes/change.h"

#include "base/writer.h"

void kube_change_free(struct kube_change *change)
{
	for (size_t i = 0; i < change->count; i++) {
		json_decref(change->made[i].object);
		free(change->made[i].uid);
	}
	change->count = 0;
}

static error *apply_new(struct kube_client *client, const json_t *object, json_t **ret)
{
	CLEANUP_JSON json_t *is = NULL;
	struct kube_outcome how;
	TRY(kube_apply(client, object, &is, &how));
	if (!how.created && !how.repeated)
		return error_new(ERROR_CONFLICT, "somebody made it at the same time");
	*ret = TAKE(is);
	return NULL;
}

error *kube_change_make(struct kube_change *change, const json_t *object)
{
	CLEANUP_JSON json_t *is = NULL;
	struct kube_name name;
	TRY(kube_name_of(object, &name));
	if (change->count == CHANGE_OBJECTS_MAX)
		return error_new(ERROR_INTERNAL, "more than %d objects in one change", CHANGE_OBJECTS_MAX);
	struct made *made = &change->made[change->count++];
	*made = (struct made){ json_incref((json_t *)(uintptr_t)object), NULL };
	error *e = apply_new(change->client, object, &is);
	if (e && error_code(e) == ERROR_CONFLICT) {
		json_decref(made->object);
		change->count--;
	}
	if (e)
		return error_wrap(e, "%s", kube_describe(&name).text);
	const char *uid = kube_metadata(is, "uid");
	made->uid = uid ? strdup(uid) : NULL;
	return NULL;
}

/* Where nobody said that it was made, it has to be looked for. */
static error *find_uid(struct kube_change *change, struct made *made, const struct kube_name *name, bool *ret_is_there)
{
	CLEANUP_JSON json_t *is = NULL;
	*ret_is_there = true;
	if (made->uid)
		return NULL;
	error *e = kube_get(change->client, name, &is);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		*ret_is_there = false;
		return NULL;
	}
	TRY(e);
	const char *uid = kube_metadata(is, "uid");
	made->uid = uid ? strdup(uid) : NULL;
	return NULL;
}

static error *unmake(struct kube_change *change, struct made *made)
{
	struct kube_name name;
	bool is_there;
	TRY(kube_name_of(made->object, &name));
	TRY_CTX(find_uid(change, made, &name, &is_there), "%s", kube_describe(&name).text);
	if (is_there)
		TRY_CTX(kube_delete(change->client, &name, made->uid, false, NULL), "%s", kube_describe(&name).text);
	return NULL;
}

error *kube_change_undo(struct kube_change *change)
{
	CLEANUP(writer_free) struct writer left = { 0 };
	bool gone = false; /* a server that does not answer is not asked for each of them */
	kube_client_stop_on(change->client, NULL);
	for (size_t i = change->count; i--; ) {
		error *e = gone ? NULL : unmake(change, &change->made[i]);
		if (!e && !gone)
			continue;
		gone = gone || error_code(e) == ERROR_UNAVAILABLE;
		struct kube_name name = { 0 };
		error_free(kube_name_of(change->made[i].object, &name));
		write_format(&left, "%s%s", left.size ? "; " : "", e ? error_message(e) : kube_describe(&name).text);
		error_free(e);
	}
	kube_change_free(change);
	if (!left.size)
		return NULL;
	return error_new(ERROR_UNAVAILABLE, "left behind: %.*s", (int)left.size, (const char *)left.data);
}
