/* The properties of an entry: those that are described, and the JSON of all others. */
#include <stdio.h>
#include <strings.h>

#include "diff/diff_internal.h"

static bool is_comment(const char *name)
{
	return name[0] == '_' || name[0] == '$' || strncmp(name, "//", 2) == 0;
}

static bool is_given(const json_t *value)
{
	return value && !json_is_null(value);
}

/* Looking for names in any case takes a scan: only where that stays cheap. */
static json_t *member(json_t *object, const char *name)
{
	enum { SCANNED_MAX = 10000 };
	return json_object_size(object) > SCANNED_MAX ? json_object_get(object, name) : json_member(object, name);
}

static bool same_members(json_t *a, json_t *b);

/* As the manifest's decoder reads them: names without regard to case, null as not given. */
static bool same(json_t *a, json_t *b)
{
	if (!is_given(a) || !is_given(b))
		return !is_given(a) && !is_given(b);
	if (json_is_object(a) && json_is_object(b))
		return same_members(a, b);
	if (!json_is_array(a) || !json_is_array(b))
		return json_equal(a, b);
	if (json_array_size(a) != json_array_size(b))
		return false;
	for (size_t i = 0; i < json_array_size(a); i++)
		if (!same(json_array_get(a, i), json_array_get(b, i)))
			return false;
	return true;
}

static bool same_members(json_t *a, json_t *b)
{
	const char *name;
	json_t *value;
	json_object_foreach(a, name, value)
		if (!is_comment(name) && !same(value, member(b, name)))
			return false;
	json_object_foreach(b, name, value)
		if (!is_comment(name) && is_given(value) && !member(a, name))
			return false;
	return true;
}

static const char *value_text(struct diffing *d, const json_t *value)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	if (!is_given(value))
		return "not given";
	error *e = json_print(value, JSON_COMPACT | JSON_ENCODE_ANY, &text);
	error_free(e);
	if (e)
		return "?";
	if (text.size <= SHOWN_MAX) {
		const char *kept = arena_string(&d->out->arena, blob_view(&text));
		return kept ? kept : "?";
	}
	return data_text(d, blob_view(&text));
}

/* What is done with a member of two objects. */
typedef error *member_function(const struct subject *s, const char *path, const char *name, json_t *old,
			       json_t *new, enum diff_severity severity);

static error *walk_members(const struct subject *s, const char *path, json_t *old, json_t *new,
			   enum diff_severity severity, member_function *each)
{
	const char *name;
	json_t *value;
	struct arena *arena = &s->d->out->arena;
	json_object_foreach(old, name, value) {
		const char *inner = arena_format(arena, "%s%s%s", path ? path : "", path ? "." : "",
						 shown(name).text);
		if (!is_comment(name))
			TRY(each(s, inner ? inner : "?", name, value, member(new, name), severity));
	}
	json_object_foreach(new, name, value) {
		const char *inner = arena_format(arena, "%s%s%s", path ? path : "", path ? "." : "",
						 shown(name).text);
		if (!is_comment(name) && !member(old, name))
			TRY(each(s, inner ? inner : "?", name, NULL, value, severity));
	}
	return NULL;
}

static error *diff_member(const struct subject *s, const char *path, const char *name, json_t *old,
			  json_t *new, enum diff_severity severity)
{
	(void)name;
	return diff_json_values(s, path, old, new, severity);
}

error *diff_json_values(const struct subject *s, const char *path, json_t *old, json_t *new,
			enum diff_severity severity)
{
	if (same(old, new))
		return NULL;
	if (json_is_object(old) && json_is_object(new))
		return walk_members(s, path, old, new, severity, diff_member);
	return diff_add(s, DIFF_CHANGED, severity, "%s: %s → %s%s", path, value_text(s->d, old),
			value_text(s->d, new),
			severity == DIFF_INFO ? ". This is written differently and means the same." : "");
}

/* Is any two-digit part of `new` less than that of `old`? */
static bool any_part_less(bytes old, bytes new)
{
	if (old.size != new.size)
		return true;
	for (size_t i = 0; i + 1 < old.size; i += 2)
		if (strncasecmp((const char *)new.data + i, (const char *)old.data + i, 2) < 0)
			return true;
	return false;
}

static bool all_are_among(json_t *some, json_t *all)
{
	enum { COMPARED_MAX = 1000 };
	json_t *item, *other;
	size_t i, j;
	if (json_array_size(some) > COMPARED_MAX || json_array_size(all) > COMPARED_MAX)
		return false;
	json_array_foreach(some, i, item) {
		bool found = false;
		json_array_foreach(all, j, other)
			found |= json_equal(item, other);
		if (!found)
			return false;
	}
	return true;
}

/* "Allow…" loosens when it is true, a switch of another name when it is not; a minimum when it is lower;
 * a list when it grows; everything else when it is not given any more. */
static bool loosens(const char *name, json_t *old, json_t *new)
{
	if (strncasecmp(name, "Allow", 5) == 0)
		return json_is_true(new);
	if (!is_given(new))
		return true;
	if (!is_given(old))
		return false;
	if (json_is_boolean(new))
		return !json_is_true(new);
	if (json_is_integer(old) && json_is_integer(new))
		return json_integer_value(new) < json_integer_value(old);
	if (json_is_array(old) && json_is_array(new))
		return !all_are_among(new, old);
	return strncasecmp(name, "Minimum", 7) == 0 && any_part_less(json_bytes(old), json_bytes(new));
}

static error *diff_restriction(const struct subject *s, const char *path, const char *name, json_t *old,
			       json_t *new, enum diff_severity severity)
{
	if (json_is_object(old) && json_is_object(new))
		return walk_members(s, path, old, new, severity, diff_restriction);
	return diff_json_values(s, path, old, new, loosens(name, old, new) ? DIFF_WEAKENS : severity);
}

error *diff_restrictions(const struct subject *s, const char *path, json_t *old, json_t *new)
{
	if (json_is_object(old) && json_is_object(new))
		return walk_members(s, path, old, new, DIFF_NOTICE, diff_restriction);
	return diff_json_values(s, path ? path : "All of it", old, new, DIFF_NOTICE);
}

json_t *diff_entry_json(const struct manifest *m, const struct subject *s)
{
	json_t *section = json_member(m->json, s->section);
	return *s->name ? json_object_get(section, s->name) : section;
}

/* Which of the described properties a member is; `count` when none. */
static size_t find(const struct described *properties, size_t count, const char *name)
{
	size_t i = 0;
	while (i < count && strcasecmp(properties[i].name, name) != 0)
		i++;
	return i;
}

static error *compare_member(const struct subject *s, const char *name, json_t *old, json_t *new,
			     const struct described *properties, size_t count, const bool *said)
{
	size_t i = find(properties, count, name);
	if (is_comment(name) || (i < count && said[i]))
		return NULL;
	return diff_json_values(s, i < count ? properties[i].name : shown(name).text, old, new,
				i < count ? DIFF_INFO : DIFF_NOTICE);
}

error *diff_members(const struct subject *s, const void *old, const void *new, json_t *before, json_t *after,
		    const struct described *properties, size_t count)
{
	enum { PROPERTIES_MAX = 16 };
	bool said[PROPERTIES_MAX] = { false };
	struct subject inner = { s->d, s->section, s->name, before, after };
	const char *name;
	json_t *value;
	if (count > PROPERTIES_MAX)
		return error_new(ERROR_INTERNAL, "too many properties");
	for (size_t i = 0; i < count; i++) {
		size_t entries = s->d->out->count;
		TRY(properties[i].describe(&inner, old, new));
		said[i] = s->d->out->count > entries;
	}
	json_object_foreach(before, name, value)
		TRY(compare_member(s, name, value, member(after, name), properties, count, said));
	json_object_foreach(after, name, value)
		if (!member(before, name))
			TRY(compare_member(s, name, NULL, value, properties, count, said));
	return NULL;
}

error *diff_properties(const struct subject *s, const void *old, const void *new,
		       const struct described *properties, size_t count)
{
	return diff_members(s, old, new, diff_entry_json(s->d->from, s), diff_entry_json(s->d->to, s), properties,
			    count);
}

static bool is_known(const char *section)
{
	static const char *const known[] = { "Packages", "Infrastructures", "Marbles", "Secrets", "Users",
					     "Roles", "RecoveryKeys", "TLS", "Config" };
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasecmp(known[i], section) == 0)
			return true;
	return is_comment(section);
}

error *diff_unknown_sections(struct diffing *d)
{
	json_t *before = d->from->json, *after = d->to->json, *value;
	const char *name;
	json_object_foreach(before, name, value) {
		struct subject s = { .d = d, .section = name, .name = "" };
		if (!is_known(name))
			TRY(diff_json_values(&s, name, value, member(after, name), DIFF_NOTICE));
	}
	json_object_foreach(after, name, value) {
		struct subject s = { .d = d, .section = name, .name = "" };
		if (!is_known(name) && !member(before, name))
			TRY(diff_json_values(&s, name, NULL, value, DIFF_NOTICE));
	}
	return NULL;
}
