#include "coordinator/mesh.h"

#include "base/reader.h"
#include "coordinator/plan.h"
#include "manifest/parse.h"

enum key_kind mesh_key_kind(const struct manifest *manifest)
{
	return manifest && manifest->config.key_type == KEY_TYPE_P384 ? KEY_P384 : KEY_P256;
}

static error *put_key(struct transaction *txn, const char *name, EVP_PKEY *key)
{
	CLEANUP(secret_free) struct secret der = { 0 };
	TRY(key_private_der(key, &der));
	return transaction_put(txn, name, secret_view(&der));
}

static error *put_certificate(struct transaction *txn, const char *name, const X509 *certificate)
{
	CLEANUP(blob_free) struct blob der = { 0 };
	TRY(certificate_der(certificate, &der));
	return transaction_put(txn, name, blob_view(&der));
}

error *mesh_store_ca(struct transaction *txn, const struct ca *ca)
{
	TRY(put_key(txn, STORED_ROOT_KEY, ca->root_key));
	TRY(put_key(txn, STORED_INTERMEDIATE_KEY, ca->intermediate_key));
	TRY(put_certificate(txn, STORED_ROOT_CERTIFICATE, ca->root));
	TRY(put_certificate(txn, STORED_INTERMEDIATE_CERTIFICATE, ca->intermediate));
	return put_certificate(txn, STORED_MARBLE_ROOT_CERTIFICATE, ca->marble_root);
}

error *mesh_begin(struct transaction *txn, const struct ca *ca)
{
	CLEANUP(secret_free) struct secret root_secret = { 0 };
	TRY(mesh_store_ca(txn, ca));
	TRY(secret_random(32, &root_secret));
	return transaction_put(txn, STORED_ROOT_SECRET, secret_view(&root_secret));
}

error *mesh_store_state(struct transaction *txn, enum coordinator_state state)
{
	uint8_t number = (uint8_t)state;
	return transaction_put(txn, STORED_STATE, bytes_of(&number, 1));
}

static error *get_key(struct transaction *txn, const char *name, EVP_PKEY **ret)
{
	bytes der;
	TRY(transaction_get(txn, name, &der));
	TRY_CTX(key_of_private_der(der, ret), "stored %s", name);
	return NULL;
}

static error *get_certificate(struct transaction *txn, const char *name, X509 **ret)
{
	bytes der;
	TRY(transaction_get(txn, name, &der));
	TRY_CTX(certificate_of_der(der, ret), "stored %s", name);
	return NULL;
}

static error *load_ca(struct transaction *txn, struct ca *ca)
{
	TRY(get_key(txn, STORED_ROOT_KEY, &ca->root_key));
	TRY(get_key(txn, STORED_INTERMEDIATE_KEY, &ca->intermediate_key));
	TRY(get_certificate(txn, STORED_ROOT_CERTIFICATE, &ca->root));
	TRY(get_certificate(txn, STORED_INTERMEDIATE_CERTIFICATE, &ca->intermediate));
	return get_certificate(txn, STORED_MARBLE_ROOT_CERTIFICATE, &ca->marble_root);
}

static error *load_state(struct transaction *txn, enum coordinator_state *ret)
{
	bytes stored;
	TRY(transaction_get(txn, STORED_STATE, &stored));
	if (stored.size != 1 || stored.data[0] > STATE_ACCEPTING_MARBLES)
		return error_new(ERROR_INTERNAL, "the stored state is none of ours");
	*ret = (enum coordinator_state)stored.data[0];
	return NULL;
}

static error *pem_text(const X509 *first, const X509 *second, char **ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	TRY(certificate_write_pem(&w, first));
	if (second)
		TRY(certificate_write_pem(&w, second));
	*ret = writer_take_string(&w);
	TRY_ALLOC(*ret);
	return NULL;
}

static error *print_ca(struct mesh *mesh)
{
	const struct ca *ca = &mesh->ca;
	TRY(certificate_der(ca->root, &mesh->root_der));
	TRY(pem_text(ca->intermediate, ca->root, &mesh->chain_pem));
	TRY(pem_text(ca->root, NULL, &mesh->root_pem));
	TRY(pem_text(ca->intermediate, NULL, &mesh->intermediate_pem));
	return pem_text(ca->marble_root, NULL, &mesh->marble_root_pem);
}

/* Updates of packages raise versions without touching the manifest's text. */
static error *load_version(void *context, const char *name, bytes stored)
{
	struct manifest *m = context;
	struct reader r = reader_of(stored);
	uint64_t version = read_be64(&r);
	TRY(reader_finish(&r, name));
	name += strlen(STORED_PACKAGE_VERSIONS);
	for (size_t i = 0; i < m->package_count; i++)
		if (strcmp(m->packages[i].name, name) == 0) {
			m->packages[i].security_version = version;
			m->packages[i].has_security_version = true;
			return NULL;
		}
	return error_new(ERROR_INTERNAL, "the state holds a version of an unknown package \"%s\"", name);
}

static error *count_user(void *context, const char *name, bytes stored)
{
	struct pending_update *pending = context;
	(void)stored;
	char **users = reallocarray(pending->users, pending->user_count + 1, sizeof *users);
	TRY_ALLOC(users);
	pending->users = users;
	users[pending->user_count] = strdup(name + strlen(STORED_PENDING_USERS));
	TRY_ALLOC(users[pending->user_count]);
	pending->user_count++;
	return NULL;
}

static error *load_pending(struct transaction *txn, struct pending_update *pending)
{
	bytes text;
	error *e = transaction_get(txn, STORED_PENDING_UPDATE, &text);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		return NULL;
	}
	TRY(e);
	TRY(blob_copy(text, &pending->text));
	return transaction_each(txn, STORED_PENDING_USERS, count_user, pending);
}

/* Before the first renewal, previous equals current. */
static error *load_previous(struct transaction *txn, struct mesh *mesh)
{
	const struct manifest *m = mesh->manifest;
	bytes root;
	error *e = transaction_get(txn, STORED_PREVIOUS_ROOT_SECRET, &root);
	bool rotated = !e;
	error_free(e);
	TRY(secret_set_load(txn, STORED_PREVIOUS_SECRETS,
			    rotated ? STORED_PREVIOUS_ROOT_SECRET : STORED_ROOT_SECRET, m->secrets,
			    m->secret_count, &mesh->previous));
	for (size_t i = 0; i < m->secret_count; i++)
		if (!mesh->previous.values[i].is_set && mesh->secrets.values[i].is_set)
			TRY(secret_value_copy(&mesh->secrets.values[i], &mesh->previous.values[i]));
	return NULL;
}

static error *load_manifest(struct transaction *txn, struct mesh *mesh)
{
	bytes text, signature;
	error *e = transaction_get(txn, STORED_MANIFEST, &text);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		return NULL;
	}
	TRY(e);
	TRY(manifest_parse(text, &mesh->manifest));
	TRY(transaction_get(txn, STORED_MANIFEST_SIGNATURE, &signature));
	TRY(blob_copy(signature, &mesh->manifest_signature));
	mesh->key_kind = mesh_key_kind(mesh->manifest);
	TRY(secret_set_load(txn, STORED_SECRETS, STORED_ROOT_SECRET, mesh->manifest->secrets,
			    mesh->manifest->secret_count, &mesh->secrets));
	TRY(load_previous(txn, mesh));
	TRY(transaction_each(txn, STORED_PACKAGE_VERSIONS, load_version, mesh->manifest));
	TRY(load_pending(txn, &mesh->pending));
	return plans_make(mesh);
}

static error *new_mesh(struct mesh **ret)
{
	struct mesh *mesh = calloc(1, sizeof *mesh);
	TRY_ALLOC(mesh);
	atomic_init(&mesh->references, 1);
	mesh->key_kind = KEY_P256;
	*ret = mesh;
	return NULL;
}

error *mesh_in_recovery(const struct ca *ca, struct mesh **ret)
{
	CLEANUP(mesh_release) struct mesh *mesh = NULL;
	TRY(new_mesh(&mesh));
	mesh->state = STATE_RECOVERY;
	TRY(ca_share(ca, &mesh->ca));
	TRY(print_ca(mesh));
	*ret = TAKE(mesh);
	return NULL;
}

error *mesh_load(struct transaction *txn, struct mesh **ret)
{
	CLEANUP(mesh_release) struct mesh *mesh = NULL;
	bytes stored;
	TRY(new_mesh(&mesh));
	TRY(load_state(txn, &mesh->state));
	error *e = transaction_get(txn, STORED_ROLLBACK, &stored);
	mesh->rolled_back = !e;
	error_free(e);
	TRY(load_ca(txn, &mesh->ca));
	TRY(print_ca(mesh));
	TRY(load_manifest(txn, mesh));
	*ret = TAKE(mesh);
	return NULL;
}

const char *mesh_status_text(const struct mesh *mesh)
{
	if (mesh->rolled_back)
		return "Coordinator was rolled back: marbles have seen a newer state than this one. See the log; an "
		       "update of the manifest acknowledges it.";
	return mesh->lock_reason ? mesh->lock_reason : state_text(mesh->state);
}

struct mesh *mesh_retain(struct mesh *mesh)
{
	atomic_fetch_add_explicit(&mesh->references, 1, memory_order_relaxed);
	return mesh;
}

void mesh_release(struct mesh *mesh)
{
	if (!mesh || atomic_fetch_sub_explicit(&mesh->references, 1, memory_order_acq_rel) != 1)
		return;
	plans_free(mesh);
	ca_free(&mesh->ca);
	blob_free(&mesh->root_der);
	free(mesh->lock_reason);
	blob_free(&mesh->manifest_signature);
	free(mesh->chain_pem);
	free(mesh->root_pem);
	free(mesh->intermediate_pem);
	free(mesh->marble_root_pem);
	secret_set_free(&mesh->secrets);
	secret_set_free(&mesh->previous);
	for (size_t i = 0; i < mesh->pending.user_count; i++)
		free(mesh->pending.users[i]);
	free(mesh->pending.users);
	blob_free(&mesh->pending.text);
	manifest_free(mesh->manifest);
	free(mesh);
}
