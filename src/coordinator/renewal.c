#include "coordinator/renewal.h"

#include <stdio.h>

#include "secrets/definition.h"
#include "secrets/generate.h"

static bool has_same(const struct mesh *before, const struct secret_definition *definition)
{
	const struct secret_definition *old = manifest_secret(before->manifest, definition->name);
	return old && secret_definition_equal(old, definition);
}

static bool may_stay(const struct mesh *before, const struct secret_definition *definition, bool rotate)
{
	const struct secret_definition *old = manifest_secret(before->manifest, definition->name);
	return old && secret_value_stays(old, definition, rotate);
}

static error *make_values(const struct mesh *before, bool rotate, int64_t now, struct renewal *r)
{
	const struct manifest *m = r->manifest;
	r->values = calloc(m->secret_count + 1, sizeof *r->values);
	TRY_ALLOC(r->values);
	for (size_t i = 0; i < m->secret_count; i++) {
		const struct secret_definition *definition = &m->secrets[i];
		if (!definition->shared || definition->user_defined || may_stay(before, definition, rotate))
			continue;
		TRY_CTX(secret_generate(definition, &r->ca, now, &r->values[i]), "Secrets: %s",
			definition->name);
	}
	return NULL;
}

error *renewal_prepare(const struct mesh *before, const struct manifest *manifest,
		       const struct san_list *names, bool rotate, int64_t now, struct renewal *ret)
{
	CLEANUP(renewal_free) struct renewal r = { .manifest = manifest };
	TRY(ca_share(&before->ca, &r.ca));
	TRY(ca_renew_intermediate(&r.ca, names, mesh_key_kind(manifest), now));
	if (rotate)
		TRY(secret_random(32, &r.root_secret));
	TRY(make_values(before, rotate, now, &r));
	*ret = r;
	r = (struct renewal){ 0 };
	return NULL;
}

static error *delete_secret(struct transaction *txn, const char *prefix, const char *name)
{
	CLEANUP_FREE char *path = NULL;
	if (asprintf(&path, "%s%s", prefix, name) < 0) {
		path = NULL;
		return error_no_memory();
	}
	return transaction_delete(txn, path);
}

/* What is defined no more goes, with its past; what is defined otherwise has no past. */
static error *drop_old(const struct renewal *r, const struct mesh *before, struct transaction *txn)
{
	for (size_t i = 0; i < before->secrets.count; i++) {
		const struct secret_definition *old = &before->secrets.definitions[i];
		const struct secret_definition *now = manifest_secret(r->manifest, old->name);
		if (now && secret_definition_equal(old, now))
			continue;
		TRY(delete_secret(txn, STORED_SECRETS, old->name));
		TRY(delete_secret(txn, STORED_PREVIOUS_SECRETS, old->name));
	}
	return NULL;
}

/* The value before this update, for .Previous. */
static error *back_up(const struct renewal *r, const struct mesh *before, struct transaction *txn, size_t i)
{
	size_t index;
	const struct secret_definition *definition = &r->manifest->secrets[i];
	if (!secret_set_find(&before->secrets, bytes_of_string(definition->name), &index) ||
	    !before->secrets.values[index].is_set || !has_same(before, definition))
		return NULL;
	return secret_set_store(txn, STORED_PREVIOUS_SECRETS, &before->secrets.values[index]);
}

static error *put_values(struct renewal *r, const struct mesh *before, struct transaction *txn)
{
	for (size_t i = 0; i < r->manifest->secret_count; i++) {
		if (!r->values[i].is_set)
			continue;
		TRY(back_up(r, before, txn, i));
		TRY(secret_set_store(txn, STORED_SECRETS, &r->values[i]));
	}
	return NULL;
}

static error *put_root_secret(const struct renewal *r, const struct mesh *before, struct transaction *txn)
{
	if (!r->root_secret.size)
		return NULL;
	TRY(transaction_put(txn, STORED_PREVIOUS_ROOT_SECRET, secret_view(&before->secrets.root_secret)));
	return transaction_put(txn, STORED_ROOT_SECRET, secret_view(&r->root_secret));
}

error *renewal_write(struct renewal *r, const struct mesh *before, struct transaction *txn)
{
	TRY(drop_old(r, before, txn));
	TRY(put_values(r, before, txn));
	TRY(put_root_secret(r, before, txn));
	return mesh_store_ca(txn, &r->ca);
}

void renewal_free(struct renewal *r)
{
	for (size_t i = 0; r->values && i < r->manifest->secret_count; i++)
		secret_value_free(&r->values[i]);
	free(r->values);
	secret_free(&r->root_secret);
	ca_free(&r->ca);
	*r = (struct renewal){ 0 };
}
