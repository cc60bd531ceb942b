/* Who may do what: users by their roles, marbles by their templates and TLS tags. */
#include <stdio.h>

#include "diff/diff_internal.h"
#include "template/lookups.h"

/* One permission, or one secret in a marble's hands. */
struct right {
	const char *resource; /* a secret, a package, or "" for the manifest */
	const char *who;
	const char *what;     /* in words */
	const char *where;    /* "Env: KEY"; NULL for users. The same right in another place is no other. */
};
struct rights {
	struct right *items;
	size_t count, capacity;
};
enum { RIGHTS_MAX = 1 << 20 };

static void rights_free(struct rights *r)
{
	free(r->items);
}
DEFINE_CLEANUP_IN_PLACE(rights_free, struct rights)

static error *rights_add(struct rights *r, struct right right)
{
	if (r->count == RIGHTS_MAX)
		return error_new(ERROR_TOO_LARGE, "the manifest gives more than %d rights", RIGHTS_MAX);
	if (r->count == r->capacity) {
		size_t more = r->capacity ? 2 * r->capacity : 64;
		struct right *items = reallocarray(r->items, more, sizeof *items);
		TRY_ALLOC(items);
		r->items = items;
		r->capacity = more;
	}
	r->items[r->count++] = right;
	return NULL;
}

static int compare_rights(const void *a, const void *b)
{
	const struct right *x = a, *y = b;
	int order = strcmp(x->resource, y->resource);
	if (!order)
		order = strcmp(x->who, y->who);
	return order ? order : strcmp(x->what, y->what);
}

/* Which place is named must not depend on how qsort treats equals. */
static int compare_places(const void *a, const void *b)
{
	const struct right *x = a, *y = b;
	int order = compare_rights(a, b);
	return order || !x->where ? order : strcmp(x->where, y->where);
}

/* Sorted, each right once. */
static void rights_sort(struct rights *r)
{
	size_t kept = 0;
	if (r->count)
		qsort(r->items, r->count, sizeof *r->items, compare_places);
	for (size_t i = 0; i < r->count; i++)
		if (!kept || compare_rights(&r->items[kept - 1], &r->items[i]) != 0)
			r->items[kept++] = r->items[i];
	r->count = kept;
}

/* ---- Users ---- */

static error *grant(struct rights *r, const struct role *role, const char *user, enum action action,
		    const char *what)
{
	if (!(role->actions & action))
		return NULL;
	if (role->resource_type == RESOURCE_MANIFEST)
		return rights_add(r, (struct right){ "", user, what, NULL });
	for (size_t i = 0; i < role->resource_names.count; i++)
		TRY(rights_add(r, (struct right){ role->resource_names.items[i], user, what, NULL }));
	return NULL;
}

static error *collect_grants(const struct manifest *m, struct rights *r)
{
	for (size_t i = 0; i < m->user_count; i++) {
		const struct user *user = &m->users[i];
		for (size_t j = 0; j < user->roles.count; j++) {
			const struct role *role = manifest_role(m, user->roles.items[j]);
			if (!role)
				continue;
			TRY(grant(r, role, user->name, ACTION_UPDATE_SECURITY_VERSION,
				  "raise the SecurityVersion of the package"));
			TRY(grant(r, role, user->name, ACTION_READ_SECRET, "read the secret"));
			TRY(grant(r, role, user->name, ACTION_WRITE_SECRET, "set the secret"));
			TRY(grant(r, role, user->name, ACTION_UPDATE_MANIFEST, "update the manifest"));
		}
	}
	rights_sort(r);
	return NULL;
}

error *diff_grants(struct diffing *d)
{
	CLEANUP(rights_free) struct rights before = { 0 }, after = { 0 };
	TRY(collect_grants(d->from, &before));
	TRY(collect_grants(d->to, &after));
	struct pairs p = pairs_of(before.items, before.count, after.items, after.count, sizeof(struct right),
				  compare_rights);
	while (pairs_next(&p)) {
		const struct right *right = p.old ? p.old : p.new;
		struct subject s = { .d = d, .section = "Access", .name = right->resource };
		if (!p.old)
			TRY(diff_add(&s, DIFF_ADDED, DIFF_NOTICE, "User %s may %s from now on.", right->who,
				     right->what));
		else if (!p.new)
			TRY(diff_add(&s, DIFF_REMOVED, DIFF_NOTICE, "User %s may no more %s.", right->who,
				     right->what));
	}
	return NULL;
}

/* ---- Marbles ---- */

/* Where a template stands, and what it looks up goes. */
struct use {
	const struct manifest *m;
	struct rights *rights;
	const char *marble, *where;
};

static const char *part_of(const struct lookup *l, size_t at, bool previous)
{
	static const struct {
		const char *field, *names[2];
	} parts[] = {
		{ "Cert", { "certificate", "previous certificate" } },
		{ "Private", { "private key", "previous private key" } },
		{ "Public", { "public key", "previous public key" } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(parts) && at < l->count; i++)
		if (bytes_equal_string(l->names[at], parts[i].field))
			return parts[i].names[previous];
	return previous ? "previous value" : "value";
}

static error *use_all(const struct use *u, bool previous)
{
	const char *what = previous ? "previous value" : "value";
	for (size_t i = 0; i < u->m->secret_count; i++)
		TRY(rights_add(u->rights, (struct right){ u->m->secrets[i].name, u->marble, what, u->where }));
	return NULL;
}

static const struct secret_definition *find_secret(const struct manifest *m, bytes name)
{
	for (size_t low = 0, high = m->secret_count; low < high;) {
		size_t middle = low + (high - low) / 2;
		int order = bytes_compare(bytes_of_string(m->secrets[middle].name), name);
		if (!order)
			return &m->secrets[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* .Secrets.name[.part] and .Previous.Secrets.name[.part]. When a name is not there to be read, as in
 * range .Secrets, the marble may get all. */
static error *note_use(void *context, const struct lookup *l)
{
	const struct use *u = context;
	bool previous = l->count && bytes_equal_string(l->names[0], "Previous");
	size_t at = previous;
	if (l->count == at)
		return l->open ? use_all(u, previous) : NULL;
	if (!bytes_equal_string(l->names[at], "Secrets"))
		return NULL;
	if (l->count == at + 1)
		return use_all(u, previous);
	const struct secret_definition *found = find_secret(u->m, l->names[at + 1]);
	if (!found)
		return NULL;
	return rights_add(u->rights,
			  (struct right){ found->name, u->marble, part_of(l, at + 2, previous), u->where });
}

/* Of files and of variables: which may stand where has been tried elsewhere. */
static bool has_function(void *context, bytes name)
{
	static const char *const names[] = { "pem", "hex", "base64", "raw", "string" };
	(void)context;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (bytes_equal_string(name, names[i]))
			return true;
	return false;
}

static error *use_parameters(struct diffing *d, struct use *u, const char *place,
			     const struct parameter *parameters, size_t count)
{
	static const struct template_scope scope = { .has_function = has_function };
	for (size_t i = 0; i < count; i++) {
		const struct parameter *p = &parameters[i];
		CLEANUP(template_free) struct template *t = NULL;
		if (p->no_templates || !p->data.size || !memmem(p->data.data, p->data.size, "{{", 2))
			continue;
		u->where = arena_format(&d->out->arena, "%s: %s", place, shown(p->name).text);
		if (!u->where)
			return error_new(ERROR_TOO_LARGE, "the manifest has too many templates");
		TRY_CTX(template_parse(p->data, u->where, &scope, &t), "Marbles: %s", u->marble);
		TRY(template_lookups(t, note_use, u));
	}
	return NULL;
}

static error *use_tags(struct use *u, const struct marble *marble)
{
	u->where = "TLS";
	for (size_t i = 0; i < marble->tls.count; i++) {
		const struct tls_tag *tag = manifest_tls(u->m, marble->tls.items[i]);
		for (size_t j = 0; tag && j < tag->incoming_count; j++) {
			const char *secret = tag->incoming[j].cert;
			if (!secret)
				continue;
			TRY(rights_add(u->rights, (struct right){ secret, marble->name, "certificate", u->where }));
			TRY(rights_add(u->rights, (struct right){ secret, marble->name, "private key", u->where }));
		}
	}
	return NULL;
}

static error *collect_uses(struct diffing *d, const struct manifest *m, struct rights *r)
{
	for (size_t i = 0; i < m->marble_count; i++) {
		const struct marble *marble = &m->marbles[i];
		struct use u = { m, r, marble->name, NULL };
		TRY(use_parameters(d, &u, "Files", marble->files, marble->file_count));
		TRY(use_parameters(d, &u, "Env", marble->environment, marble->environment_count));
		TRY(use_tags(&u, marble));
	}
	rights_sort(r);
	return NULL;
}

error *diff_uses(struct diffing *d)
{
	CLEANUP(rights_free) struct rights before = { 0 }, after = { 0 };
	TRY(collect_uses(d, d->from, &before));
	TRY(collect_uses(d, d->to, &after));
	struct pairs p = pairs_of(before.items, before.count, after.items, after.count, sizeof(struct right),
				  compare_rights);
	while (pairs_next(&p)) {
		const struct right *right = p.old ? p.old : p.new;
		struct subject s = { .d = d, .section = "Access", .name = right->resource };
		if (!p.old)
			TRY(diff_add(&s, DIFF_ADDED, DIFF_NOTICE, "Marbles of type %s get its %s (%s).", right->who,
				     right->what, right->where));
		else if (!p.new)
			TRY(diff_add(&s, DIFF_REMOVED, DIFF_INFO, "Marbles of type %s get its %s no more (%s).",
				     right->who, right->what, right->where));
	}
	return NULL;
}
