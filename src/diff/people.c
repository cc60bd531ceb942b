/* Users, roles, and the owners of recovery keys, as the manifest defines them. */
#include "diff/diff_internal.h"

static error *describe_certificate(const struct subject *s, const void *old, const void *new)
{
	const struct user *a = old, *b = new;
	if (bytes_equal(blob_view(&a->certificate), blob_view(&b->certificate)))
		return NULL;
	return diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "Certificate: another certificate, %s, acts as this user from "
			"now on; the present one, %s, no more.", data_text(s->d, blob_view(&b->certificate)),
			data_text(s->d, blob_view(&a->certificate)));
}

static error *describe_roles(const struct subject *s, const void *old, const void *new)
{
	const struct user *a = old, *b = new;
	return diff_names(s, "Roles", &a->roles, &b->roles, DIFF_NOTICE, DIFF_NOTICE);
}

static const struct described user_properties[] = {
	{ "Certificate", describe_certificate },
	{ "Roles", describe_roles },
};

static error *diff_users(struct diffing *d)
{
	const struct manifest *a = d->from, *b = d->to;
	struct pairs p = pairs_of(a->users, a->user_count, b->users, b->user_count, sizeof *a->users, NULL);
	while (pairs_next(&p)) {
		struct subject s = { .d = d, .section = "Users", .name = pairs_name(&p) };
		const struct user *new = p.new;
		if (!p.old)
			TRY(diff_add(&s, DIFF_ADDED, DIFF_NOTICE, "New user, with the certificate %s.",
				     data_text(d, blob_view(&new->certificate))));
		else if (!p.new)
			TRY(diff_add(&s, DIFF_REMOVED, DIFF_NOTICE, "The user is gone."));
		else
			TRY(diff_properties(&s, p.old, new, user_properties, ARRAY_SIZE(user_properties)));
	}
	return NULL;
}

/* ---- Roles ---- */

static error *describe_resource_type(const struct subject *s, const void *old, const void *new)
{
	static const char *const names[] = { "Packages", "Secrets", "Manifest" };
	const struct role *a = old, *b = new;
	return diff_value(s, DIFF_NOTICE, "ResourceType", names[a->resource_type], names[b->resource_type]);
}

static error *describe_resource_names(const struct subject *s, const void *old, const void *new)
{
	const struct role *a = old, *b = new;
	return diff_names(s, "ResourceNames", &a->resource_names, &b->resource_names, DIFF_NOTICE, DIFF_NOTICE);
}

static error *describe_actions(const struct subject *s, const void *old, const void *new)
{
	static const char *const names[] = { "UpdateSecurityVersion", "ReadSecret", "WriteSecret",
					     "UpdateManifest" };
	unsigned a = ((const struct role *)old)->actions, b = ((const struct role *)new)->actions;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if ((a ^ b) >> i & 1)
			TRY(diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "Actions: %s is %s.", names[i],
				     b >> i & 1 ? "added" : "removed"));
	return NULL;
}

static const struct described role_properties[] = {
	{ "ResourceType", describe_resource_type },
	{ "ResourceNames", describe_resource_names },
	{ "Actions", describe_actions },
};

static error *diff_roles(struct diffing *d)
{
	const struct manifest *a = d->from, *b = d->to;
	struct pairs p = pairs_of(a->roles, a->role_count, b->roles, b->role_count, sizeof *a->roles, NULL);
	while (pairs_next(&p)) {
		struct subject s = { .d = d, .section = "Roles", .name = pairs_name(&p) };
		if (!p.old)
			TRY(diff_add(&s, DIFF_ADDED, DIFF_NOTICE, "New role."));
		else if (!p.new)
			TRY(diff_add(&s, DIFF_REMOVED, DIFF_NOTICE, "The role is gone."));
		else
			TRY(diff_properties(&s, p.old, p.new, role_properties, ARRAY_SIZE(role_properties)));
	}
	return NULL;
}

/* ---- RecoveryKeys ---- */

static error *diff_recovery_keys(struct diffing *d)
{
	const struct manifest *a = d->from, *b = d->to;
	struct pairs p = pairs_of(a->recovery_keys, a->recovery_key_count, b->recovery_keys,
				  b->recovery_key_count, sizeof *a->recovery_keys, NULL);
	while (pairs_next(&p)) {
		struct subject s = { .d = d, .section = "RecoveryKeys", .name = pairs_name(&p) };
		const struct recovery_key *old = p.old, *new = p.new;
		if (!old)
			TRY(diff_add(&s, DIFF_ADDED, DIFF_NOTICE, "New recovery key, %s: its owner gets a recovery "
				     "secret.", data_text(d, bytes_of_string(new->public_key_pem))));
		else if (!new)
			TRY(diff_add(&s, DIFF_REMOVED, DIFF_NOTICE, "The recovery key is gone: its owner can't help "
				     "to recover any more."));
		else if (strcmp(old->public_key_pem, new->public_key_pem) != 0)
			TRY(diff_add(&s, DIFF_CHANGED, DIFF_NOTICE, "Another recovery key: %s → %s.",
				     data_text(d, bytes_of_string(old->public_key_pem)),
				     data_text(d, bytes_of_string(new->public_key_pem))));
	}
	return NULL;
}

error *diff_people(struct diffing *d)
{
	TRY(diff_users(d));
	TRY(diff_roles(d));
	return diff_recovery_keys(d);
}

/* ---- What the state's recovery takes ---- */

/* A threshold of 0 means all. */
static uint64_t needed_to_recover(const struct manifest *m)
{
	return m->config.recovery_threshold ? m->config.recovery_threshold : m->recovery_key_count;
}

static bool same_keys(const struct manifest *a, const struct manifest *b)
{
	if (a->recovery_key_count != b->recovery_key_count)
		return false;
	for (size_t i = 0; i < a->recovery_key_count; i++)
		if (strcmp(a->recovery_keys[i].name, b->recovery_keys[i].name) != 0 ||
		    strcmp(a->recovery_keys[i].public_key_pem, b->recovery_keys[i].public_key_pem) != 0)
			return false;
	return true;
}

error *diff_recovery(struct diffing *d)
{
	const struct manifest *a = d->from, *b = d->to;
	struct subject s = { .d = d, .section = "Recovery", .name = "" };
	uint64_t before = needed_to_recover(a), after = needed_to_recover(b);
	if (before == after && same_keys(a, b))
		return NULL;
	if (!b->recovery_key_count)
		return diff_add(&s, DIFF_CHANGED, DIFF_NOTICE, "Nobody can recover the state any more.");
	return diff_add(&s, DIFF_CHANGED, before > after ? DIFF_WEAKENS : DIFF_NOTICE,
			"To recover the state takes %llu of %zu recovery secrets, instead of %llu of %zu. New "
			"recovery secrets are made; the present ones become useless.", (unsigned long long)after,
			b->recovery_key_count, (unsigned long long)before, a->recovery_key_count);
}
