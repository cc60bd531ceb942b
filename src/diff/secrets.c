/* Secrets: their definitions, and what becomes of their values. */
#include "diff/diff_internal.h"
#include "secrets/definition.h"

static bool is_certificate(const struct secret_definition *s)
{
	return s->type >= SECRET_CERT_RSA;
}

static error *describe_type(const struct subject *s, const void *old, const void *new)
{
	const struct secret_definition *a = old, *b = new;
	return diff_value(s, DIFF_NOTICE, "Type", secret_type_name(a->type), secret_type_name(b->type));
}

static error *describe_size(const struct subject *s, const void *old, const void *new)
{
	const struct secret_definition *a = old, *b = new;
	bool smaller = b->size < a->size && a->type == b->type;
	return diff_value(s, smaller ? DIFF_WEAKENS : DIFF_NOTICE, "Size (bits)", number_text(s->d, a->size),
			  number_text(s->d, b->size));
}

static error *describe_shared(const struct subject *s, const void *old, const void *new)
{
	const struct secret_definition *a = old, *b = new;
	if (a->shared == b->shared)
		return NULL;
	if (b->shared)
		return diff_add(s, DIFF_CHANGED, DIFF_WEAKENS, "Shared: all marbles get the same value, where each "
				"had its own.");
	return diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "Shared: each marble gets a value of its own.");
}

static error *describe_user_defined(const struct subject *s, const void *old, const void *new)
{
	const struct secret_definition *a = old, *b = new;
	if (a->user_defined == b->user_defined)
		return NULL;
	return diff_add(s, DIFF_CHANGED, DIFF_NOTICE, b->user_defined ?
			"UserDefined: users give the value, no more the coordinator." :
			"UserDefined: the coordinator makes the value, no more users.");
}

static const char *days_text(struct diffing *d, uint64_t days)
{
	return days ? number_text(d, days) : NULL;
}

static error *describe_valid_for(const struct subject *s, const void *old, const void *new)
{
	const struct secret_definition *a = old, *b = new;
	return diff_value(s, DIFF_NOTICE, "ValidFor (days)", days_text(s->d, a->valid_for),
			  days_text(s->d, b->valid_for));
}

static const struct described properties[] = {
	{ "Type", describe_type },
	{ "Size", describe_size },
	{ "Shared", describe_shared },
	{ "UserDefined", describe_user_defined },
	{ "ValidFor", describe_valid_for },
};

/* Where the value comes from. */
static const char *source(const struct secret_definition *s)
{
	if (s->user_defined)
		return "A user must upload it before marbles that need it can be activated.";
	if (s->shared)
		return "The coordinator makes its value, the same for all marbles.";
	return is_certificate(s) ? "Each activation makes a key and certificate." :
				   "Each marble gets a key of its own.";
}

/* The definition is another: what was there is not kept, not even for .Previous. */
static error *describe_redefined(const struct subject *s, const struct secret_definition *new)
{
	const char *text = new->user_defined ? "It must be uploaded again: its definition changes, so that the "
					       "present value is deleted." :
			   new->shared	     ? "A new value is made: its definition changes. The present value "
					       "is deleted, also for .Previous." :
			   is_certificate(new) ? "Marbles get certificates of the new definition when they are "
						 "activated again." :
						 "The keys of all marbles change: its definition changes.";
	return diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "%s", text);
}

static error *diff_definition(const struct subject *s, const struct secret_definition *old,
			      const struct secret_definition *new)
{
	TRY(diff_properties(s, old, new, properties, ARRAY_SIZE(properties)));
	return secret_definition_equal(old, new) ? NULL : describe_redefined(s, new);
}

error *diff_secrets(struct diffing *d)
{
	const struct manifest *a = d->from, *b = d->to;
	struct pairs p = pairs_of(a->secrets, a->secret_count, b->secrets, b->secret_count, sizeof *a->secrets,
				  NULL);
	while (pairs_next(&p)) {
		struct subject s = { .d = d, .section = "Secrets", .name = pairs_name(&p) };
		const struct secret_definition *new = p.new;
		if (!p.old)
			TRY(diff_add(&s, DIFF_ADDED, DIFF_NOTICE, "New secret of type %s. %s",
				     secret_type_name(new->type), source(new)));
		else if (!p.new)
			TRY(diff_add(&s, DIFF_REMOVED, DIFF_NOTICE, "The secret is gone. Its value is deleted."));
		else
			TRY(diff_definition(&s, p.old, new));
	}
	return NULL;
}

/* ---- What every update makes new ---- */

static error *keep(struct diffing *d, const char *name)
{
	struct string_list *kept = &d->out->kept_secrets;
	const char *copy = arena_string(&d->out->arena, bytes_of_string(name));
	if (!copy)
		return error_new(ERROR_TOO_LARGE, "the manifests have too many secrets");
	kept->items[kept->count++] = copy;
	return NULL;
}

/* A secret whose definition stays. */
static error *diff_value_of(struct diffing *d, const struct secret_definition *old,
			    const struct secret_definition *new, bool rotate)
{
	struct subject s = { .d = d, .section = is_certificate(new) ? "Certificates" : "Keys",
			     .name = new->name };
	if (!secret_definition_equal(old, new))
		return NULL; /* said among the secrets */
	if (secret_value_stays(old, new, rotate))
		return keep(d, new->name);
	if (is_certificate(new) && new->shared)
		return diff_add(&s, DIFF_CHANGED, DIFF_INFO, "A new key and certificate are made, signed by the new "
				"intermediate.");
	if (is_certificate(new))
		return NULL; /* is made at each activation anyway */
	return diff_add(&s, DIFF_CHANGED, DIFF_NOTICE, new->shared ?
			"RotateRootSecret: a new value is made. .Previous.Secrets has the present one." :
			"RotateRootSecret: the keys of all marbles change. .Previous.Secrets has the present ones.");
}

error *diff_renewed(struct diffing *d)
{
	const struct manifest *a = d->from, *b = d->to;
	bool rotate = d->out->update == DIFF_UPDATE_MANIFEST && b->config.rotate_root_secret;
	struct subject intermediate = { .d = d, .section = "Certificates", .name = "intermediate" };
	struct subject root = { .d = d, .section = "Keys", .name = "root secret" };
	d->out->kept_secrets.items = arena_alloc(&d->out->arena, b->secret_count + 1, sizeof(char *));
	if (!d->out->kept_secrets.items)
		return error_new(ERROR_TOO_LARGE, "the manifests have too many secrets");
	if (rotate)
		TRY(diff_add(&root, DIFF_CHANGED, DIFF_NOTICE, "RotateRootSecret: the root secret is replaced, and "
			     "with it every key that is derived from it."));
	struct pairs p = pairs_of(a->secrets, a->secret_count, b->secrets, b->secret_count, sizeof *a->secrets,
				  NULL);
	while (pairs_next(&p))
		if (p.old && p.new)
			TRY(diff_value_of(d, p.old, p.new, rotate));
	return diff_add(&intermediate, DIFF_CHANGED, DIFF_INFO, "A new intermediate certificate authority is made; "
			"the root certificate stays. Marbles from before and after the update do not accept each "
			"other's certificates until the former are activated again.");
}
