/* Marbles, and the TLS tags that they have. */
#include "diff/diff_internal.h"

static error *describe_package(const struct subject *s, const void *old, const void *new)
{
	const struct marble *a = old, *b = new;
	return diff_value(s, DIFF_NOTICE, "Package", data_text(s->d, bytes_of_string(a->package)),
			  data_text(s->d, bytes_of_string(b->package)));
}

static error *describe_max_activations(const struct subject *s, const void *old, const void *new)
{
	const struct marble *a = old, *b = new;
	bool more = a->max_activations && (!b->max_activations || b->max_activations > a->max_activations);
	return diff_value(s, more ? DIFF_WEAKENS : DIFF_NOTICE, "MaxActivations",
			  a->max_activations ? number_text(s->d, a->max_activations) : "no limit",
			  b->max_activations ? number_text(s->d, b->max_activations) : "no limit");
}

static error *describe_binding(const struct subject *s, const void *old, const void *new)
{
	const struct marble *a = old, *b = new;
	if (a->disable_secret_binding == b->disable_secret_binding)
		return NULL;
	if (b->disable_secret_binding)
		return diff_add(s, DIFF_CHANGED, DIFF_WEAKENS, "DisableSecretBinding: the keys that are made for "
				"each of these marbles no more depend on the type, so that other types without "
				"the binding can have the same. All these keys change.");
	return diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "DisableSecretBinding: the keys that are made for each of "
			"these marbles depend on the type again. All these keys change.");
}

static error *diff_parameter(const struct subject *s, const char *place, const struct parameter *a,
			     const struct parameter *b, json_t *before, json_t *after)
{
	struct shown name = shown(a->name);
	size_t said = s->d->out->count;
	if (!bytes_equal(a->data, b->data))
		TRY(diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "%s: %s changes: %s → %s", place, name.text,
			     data_text(s->d, a->data), data_text(s->d, b->data)));
	if (a->no_templates != b->no_templates)
		TRY(diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "%s: %s: NoTemplates: %s.", place, name.text,
			     b->no_templates ? "its text is taken as it is" : "its text becomes a template"));
	if (s->d->out->count > said)
		return NULL;
	const char *path = arena_format(&s->d->out->arena, "%s: %s", place, name.text);
	return diff_json_values(s, path ? path : place, before, after, DIFF_INFO);
}

static error *diff_parameters(const struct subject *s, const char *place, struct pairs p)
{
	json_t *before = json_member(s->old_json, place), *after = json_member(s->new_json, place);
	while (pairs_next(&p)) {
		const struct parameter *only = p.old ? p.old : p.new;
		if (p.old && p.new)
			TRY(diff_parameter(s, place, p.old, p.new, json_object_get(before, only->name),
					   json_object_get(after, only->name)));
		else
			TRY(diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "%s: %s is %s: %s", place,
				     shown(only->name).text, p.old ? "removed" : "added",
				     data_text(s->d, only->data)));
	}
	return NULL;
}

static error *describe_files(const struct subject *s, const void *old, const void *new)
{
	const struct marble *a = old, *b = new;
	return diff_parameters(s, "Files", pairs_of(a->files, a->file_count, b->files, b->file_count,
						    sizeof *a->files, NULL));
}

static error *describe_environment(const struct subject *s, const void *old, const void *new)
{
	const struct marble *a = old, *b = new;
	return diff_parameters(s, "Env", pairs_of(a->environment, a->environment_count, b->environment,
						  b->environment_count, sizeof *a->environment, NULL));
}

static const char *arguments_text(struct diffing *d, const struct string_list *list)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	for (size_t i = 0; i < list->count; i++)
		write_format(&w, "%s%s", i ? " " : "", list->items[i]);
	return list->count ? data_text(d, writer_view(&w)) : "not given";
}

static error *describe_arguments(const struct subject *s, const void *old, const void *new)
{
	const struct string_list *a = &((const struct marble *)old)->arguments;
	const struct string_list *b = &((const struct marble *)new)->arguments;
	size_t same = 0;
	while (same < a->count && same < b->count && strcmp(a->items[same], b->items[same]) == 0)
		same++;
	if (same == a->count && same == b->count)
		return NULL;
	return diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "Argv changes from argument %zu on: %s → %s", same,
			arguments_text(s->d, a), arguments_text(s->d, b));
}

static error *describe_parameters(const struct subject *s, const void *old, const void *new)
{
	static const struct described properties[] = {
		{ "Files", describe_files },
		{ "Env", describe_environment },
		{ "Argv", describe_arguments },
	};
	return diff_members(s, old, new, json_member(s->old_json, "Parameters"),
			    json_member(s->new_json, "Parameters"), properties, ARRAY_SIZE(properties));
}

static error *describe_tags(const struct subject *s, const void *old, const void *new)
{
	const struct marble *a = old, *b = new;
	return diff_names(s, "TLS", &a->tls, &b->tls, DIFF_NOTICE, DIFF_WEAKENS);
}

static error *describe_denial(const struct subject *s, const void *old, const void *new)
{
	const struct marble *a = old, *b = new;
	if (a->deny_unlisted == b->deny_unlisted)
		return NULL;
	return diff_add(s, DIFF_CHANGED, b->deny_unlisted ? DIFF_NOTICE : DIFF_WEAKENS, "DenyUnlisted: connections "
			"that no tag lists are %s.", b->deny_unlisted ? "refused" : "refused no more");
}

static error *describe_resolvable(const struct subject *s, const void *old, const void *new)
{
	const struct marble *a = old, *b = new;
	return diff_names(s, "ResolvableNames", &a->resolvable_names, &b->resolvable_names, DIFF_WEAKENS, DIFF_NOTICE);
}

static const struct described marble_properties[] = {
	{ "Package", describe_package },
	{ "MaxActivations", describe_max_activations },
	{ "Parameters", describe_parameters },
	{ "TLS", describe_tags },
	{ "DisableSecretBinding", describe_binding },
	{ "DenyUnlisted", describe_denial },
	{ "ResolvableNames", describe_resolvable },
};

error *diff_marbles(struct diffing *d)
{
	const struct manifest *a = d->from, *b = d->to;
	struct pairs p = pairs_of(a->marbles, a->marble_count, b->marbles, b->marble_count, sizeof *a->marbles,
				  NULL);
	while (pairs_next(&p)) {
		struct subject s = { .d = d, .section = "Marbles", .name = pairs_name(&p) };
		const struct marble *added = p.new;
		if (!p.old)
			TRY(diff_add(&s, DIFF_ADDED, DIFF_NOTICE, "New type of marbles, of package %s; %s "
				     "activations.", data_text(d, bytes_of_string(added->package)),
				     added->max_activations ? number_text(d, added->max_activations) :
							      "no limit to its"));
		else if (!p.new)
			TRY(diff_add(&s, DIFF_REMOVED, DIFF_NOTICE, "The type is gone: no such marble is admitted "
				     "any more."));
		else
			TRY(diff_properties(&s, p.old, p.new, marble_properties, ARRAY_SIZE(marble_properties)));
	}
	return NULL;
}

/* ---- TLS tags ---- */

/* What makes an entry the same one: where it goes. The port's text may have no other form. */
static int compare_entries(const void *a, const void *b)
{
	const struct tls_entry *x = a, *y = b;
	int order = strcmp(x->address, y->address);
	return order ? order : strcmp(x->port, y->port);
}

struct entries {
	struct tls_entry *items;
	size_t count;
};

/* A sorted copy; the same port twice has the same settings (manifest_check). */
static error *sorted_entries(struct diffing *d, const struct tls_entry *entries, size_t count,
			     struct entries *ret)
{
	struct entries sorted = { arena_alloc(&d->out->arena, count + 1, sizeof *entries), 0 };
	if (!sorted.items)
		return error_new(ERROR_TOO_LARGE, "the manifests differ in too many ways");
	if (count)
		memcpy(sorted.items, entries, count * sizeof *entries);
	qsort(sorted.items, count, sizeof *entries, compare_entries);
	for (size_t i = 0; i < count; i++)
		if (!sorted.count || compare_entries(&sorted.items[sorted.count - 1], &sorted.items[i]) != 0)
			sorted.items[sorted.count++] = sorted.items[i];
	*ret = sorted;
	return NULL;
}

/* Who may be at the other end; no list: any type. */
static error *diff_peers(const struct subject *s, const char *place, const struct string_list *a,
			 const struct string_list *b)
{
	if (a->items && b->items)
		return diff_names(s, place, a, b, DIFF_WEAKENS, DIFF_NOTICE);
	if (a->items)
		return diff_add(s, DIFF_CHANGED, DIFF_WEAKENS, "%s: any type of marbles may be at the other end, no "
				"more only %s.", place, list_text(s->d, a));
	if (b->items)
		return diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "%s: only %s may be at the other end, no more any type "
				"of marbles.", place, list_text(s->d, b));
	return NULL;
}

static error *diff_destination(const struct subject *s, const struct tls_entry *a, const struct tls_entry *b)
{
	const char *place = arena_format(&s->d->out->arena, "Outgoing: %s:%s: ExpectedMarbles",
					 shown(a->address).text, a->port);
	return diff_peers(s, place ? place : "ExpectedMarbles", &a->expected_marbles, &b->expected_marbles);
}

static error *diff_outgoing(const struct subject *s, struct pairs p)
{
	while (pairs_next(&p)) {
		const struct tls_entry *only = p.old ? p.old : p.new;
		if (p.old && p.new)
			TRY(diff_destination(s, p.old, p.new));
		if (!p.old)
			TRY(diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "Outgoing: connections to %s:%s become mutual "
				     "TLS.", shown(only->address).text, only->port));
		if (!p.new)
			TRY(diff_add(s, DIFF_CHANGED, DIFF_WEAKENS, "Outgoing: connections to %s:%s are protected "
				     "no more.", shown(only->address).text, only->port));
	}
	return NULL;
}

static error *diff_port(const struct subject *s, const struct tls_entry *a, const struct tls_entry *b)
{
	if (a->disable_client_auth != b->disable_client_auth)
		TRY(diff_add(s, DIFF_CHANGED, b->disable_client_auth ? DIFF_WEAKENS : DIFF_NOTICE,
			     "Incoming: port %s %s.", a->port, b->disable_client_auth ?
			     "lets clients in without a certificate of the mesh" :
			     "asks clients for a certificate of the mesh"));
	if (!bytes_equal(bytes_of_string(a->cert), bytes_of_string(b->cert)))
		TRY(diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "Incoming: port %s serves with %s%s instead of %s%s.",
			     a->port, b->cert ? "secret " : "", b->cert ? b->cert : "the marble's certificate",
			     a->cert ? "secret " : "", a->cert ? a->cert : "the marble's certificate"));
	const char *place = arena_format(&s->d->out->arena, "Incoming: port %s: AllowedMarbles", a->port);
	return diff_peers(s, place ? place : "AllowedMarbles", &a->allowed_marbles, &b->allowed_marbles);
}

static error *diff_incoming(const struct subject *s, struct pairs p)
{
	while (pairs_next(&p)) {
		const struct tls_entry *only = p.old ? p.old : p.new;
		if (p.old && p.new)
			TRY(diff_port(s, p.old, p.new));
		else if (p.new)
			TRY(diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "Incoming: port %s becomes TLS, %s.", only->port,
				     only->disable_client_auth ? "for any client" : "for marbles of the mesh"));
		else
			TRY(diff_add(s, DIFF_CHANGED, DIFF_WEAKENS, "Incoming: port %s is protected no more.",
				     only->port));
	}
	return NULL;
}

static error *describe_outgoing(const struct subject *s, const void *old, const void *new)
{
	const struct tls_tag *a = old, *b = new;
	struct entries before, after;
	TRY(sorted_entries(s->d, a->outgoing, a->outgoing_count, &before));
	TRY(sorted_entries(s->d, b->outgoing, b->outgoing_count, &after));
	return diff_outgoing(s, pairs_of(before.items, before.count, after.items, after.count,
				       sizeof *before.items, compare_entries));
}

static error *describe_incoming(const struct subject *s, const void *old, const void *new)
{
	const struct tls_tag *a = old, *b = new;
	struct entries before, after;
	TRY(sorted_entries(s->d, a->incoming, a->incoming_count, &before));
	TRY(sorted_entries(s->d, b->incoming, b->incoming_count, &after));
	return diff_incoming(s, pairs_of(before.items, before.count, after.items, after.count,
				       sizeof *before.items, compare_entries));
}

static const struct described tag_properties[] = {
	{ "Outgoing", describe_outgoing },
	{ "Incoming", describe_incoming },
};

error *diff_tls(struct diffing *d)
{
	const struct manifest *a = d->from, *b = d->to;
	struct pairs p = pairs_of(a->tls, a->tls_count, b->tls, b->tls_count, sizeof *a->tls, NULL);
	while (pairs_next(&p)) {
		struct subject s = { .d = d, .section = "TLS", .name = pairs_name(&p) };
		if (!p.old)
			TRY(diff_add(&s, DIFF_ADDED, DIFF_NOTICE, "New tag."));
		else if (!p.new)
			TRY(diff_add(&s, DIFF_REMOVED, DIFF_NOTICE, "The tag is gone."));
		else
			TRY(diff_properties(&s, p.old, p.new, tag_properties, ARRAY_SIZE(tag_properties)));
	}
	return NULL;
}
