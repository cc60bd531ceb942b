#include "manifest/model.h"

const char *secret_type_name(enum secret_type type)
{
	static const char *const names[] = {
		[SECRET_PLAIN] = "plain",
		[SECRET_SYMMETRIC_KEY] = "symmetric-key",
		[SECRET_CERT_RSA] = "cert-rsa",
		[SECRET_CERT_ECDSA] = "cert-ecdsa",
		[SECRET_CERT_ED25519] = "cert-ed25519",
	};
	return names[type];
}

/* The first member of every entry is its name. */
static int compare_name(const void *name, const void *entry)
{
	return strcmp(name, *(const char *const *)entry);
}

static const void *find(const char *name, const void *entries, size_t count, size_t size)
{
	return count ? bsearch(name, entries, count, size, compare_name) : NULL;
}

const struct package *manifest_package(const struct manifest *m, const char *name)
{
	return find(name, m->packages, m->package_count, sizeof *m->packages);
}

const struct marble *manifest_marble(const struct manifest *m, const char *name)
{
	return find(name, m->marbles, m->marble_count, sizeof *m->marbles);
}

const struct secret_definition *manifest_secret(const struct manifest *m, const char *name)
{
	return find(name, m->secrets, m->secret_count, sizeof *m->secrets);
}

const struct user *manifest_user(const struct manifest *m, const char *name)
{
	return find(name, m->users, m->user_count, sizeof *m->users);
}

const struct role *manifest_role(const struct manifest *m, const char *name)
{
	return find(name, m->roles, m->role_count, sizeof *m->roles);
}

const struct tls_tag *manifest_tls(const struct manifest *m, const char *name)
{
	return find(name, m->tls, m->tls_count, sizeof *m->tls);
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	json_decref(m->json);
	blob_free(&m->text);
	arena_free(&m->arena);
	free(m);
}

bool tls_tag_names_peers(const struct tls_tag *tag)
{
	for (size_t i = 0; i < tag->incoming_count; i++)
		if (tag->incoming[i].allowed_marbles.items)
			return true;
	for (size_t i = 0; i < tag->outgoing_count; i++)
		if (tag->outgoing[i].expected_marbles.items)
			return true;
	return false;
}
