/* Entries, walks, and values as text. */
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "diff/diff_internal.h"

const char *diff_kind_name(enum diff_kind kind)
{
	static const char *const names[] = { "added", "removed", "changed" };
	return names[kind];
}

const char *diff_severity_name(enum diff_severity severity)
{
	static const char *const names[] = { "info", "notice", "weakens" };
	return names[severity];
}

static error *reserve(struct diffing *d)
{
	struct manifest_diff *out = d->out;
	if (out->count < d->capacity)
		return NULL;
	if (out->count == DIFF_ENTRIES_MAX)
		return error_new(ERROR_TOO_LARGE, "the manifests differ in more than %d ways", DIFF_ENTRIES_MAX);
	size_t more = d->capacity ? 2 * d->capacity : 64;
	if (more > DIFF_ENTRIES_MAX)
		more = DIFF_ENTRIES_MAX;
	struct diff_entry *entries = reallocarray(out->entries, more, sizeof *entries);
	TRY_ALLOC(entries);
	out->entries = entries;
	d->capacity = more;
	return NULL;
}

error *diff_add(const struct subject *s, enum diff_kind kind, enum diff_severity severity,
		const char *format, ...)
{
	struct manifest_diff *out = s->d->out;
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return error_no_memory();
	struct diff_entry entry = {
		.section = arena_string(&out->arena, bytes_of_string(s->section)),
		.name = arena_string(&out->arena, bytes_of_string(s->name)),
		.kind = kind,
		.severity = severity,
		.text = arena_string(&out->arena, bytes_of(text, (size_t)length)),
	};
	free(text);
	if (!entry.section || !entry.name || !entry.text)
		return error_new(ERROR_TOO_LARGE, "the manifests differ in too many ways");
	TRY(reserve(s->d));
	out->entries[out->count++] = entry;
	return NULL;
}

/* ---- Walks ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct pairs pairs_of(const void *old_items, size_t old_count, const void *new_items, size_t new_count,
		      size_t size, int (*compare)(const void *a, const void *b))
{
	return (struct pairs){ old_items, new_items, old_count, new_count, size,
			       compare ? compare : compare_names, NULL, NULL };
}

bool pairs_next(struct pairs *p)
{
	if (!p->old_count && !p->new_count)
		return false;
	int order = !p->old_count ? 1 : !p->new_count ? -1 : p->compare(p->old_items, p->new_items);
	p->old = order <= 0 ? p->old_items : NULL;
	p->new = order >= 0 ? p->new_items : NULL;
	if (p->old) {
		p->old_items += p->size;
		p->old_count--;
	}
	if (p->new) {
		p->new_items += p->size;
		p->new_count--;
	}
	return true;
}

const char *pairs_name(const struct pairs *p)
{
	return *(const char *const *)(p->old ? p->old : p->new);
}

/* ---- Values as text ---- */

static error *no_room(void)
{
	return error_new(ERROR_TOO_LARGE, "the manifests differ in too many ways");
}

error *diff_value(const struct subject *s, enum diff_severity severity, const char *property,
		  const char *old, const char *new)
{
	if (old == new || (old && new && strcmp(old, new) == 0))
		return NULL;
	return diff_add(s, DIFF_CHANGED, severity, "%s: %s → %s", property, old ? old : "not given",
			new ? new : "not given");
}

const char *number_text(struct diffing *d, uint64_t number)
{
	const char *text = arena_format(&d->out->arena, "%llu", (unsigned long long)number);
	return text ? text : "?";
}

static bool is_short_text(bytes data)
{
	if (data.size > SHOWN_MAX)
		return false;
	for (size_t at = 0, size; at < data.size; at += size) {
		uint32_t c = utf8_decode(bytes_slice(data, at, 4), &size);
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c == UTF8_REPLACEMENT && size == 1))
			return false;
	}
	return true;
}

const char *data_text(struct diffing *d, bytes data)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	const char *text;
	if (is_short_text(data)) {
		text = arena_format(&d->out->arena, "\"%.*s\"", (int)data.size, (const char *)data.data);
	} else {
		SHA256(data.data, data.size, digest);
		text = arena_format(&d->out->arena, "%zu bytes (SHA-256 %02x%02x%02x%02x%02x%02x…)", data.size,
				    digest[0], digest[1], digest[2], digest[3], digest[4], digest[5]);
	}
	return text ? text : "?";
}

error *sorted_list(struct diffing *d, const struct string_list *list, struct string_list *ret)
{
	struct string_list sorted = { arena_alloc(&d->out->arena, list->count + 1, sizeof *sorted.items),
				      list->count };
	if (!sorted.items)
		return no_room();
	if (list->count)
		memcpy(sorted.items, list->items, list->count * sizeof *list->items);
	qsort(sorted.items, sorted.count, sizeof *sorted.items, compare_names);
	sorted.count = 0;
	for (size_t i = 0; i < list->count; i++)
		if (!sorted.count || strcmp(sorted.items[sorted.count - 1], sorted.items[i]) != 0)
			sorted.items[sorted.count++] = sorted.items[i];
	*ret = sorted;
	return NULL;
}

error *diff_names(const struct subject *s, const char *property, const struct string_list *old,
		  const struct string_list *new, enum diff_severity added, enum diff_severity removed)
{
	struct string_list before, after;
	TRY(sorted_list(s->d, old, &before));
	TRY(sorted_list(s->d, new, &after));
	struct pairs p = pairs_of(before.items, before.count, after.items, after.count, sizeof(char *), NULL);
	while (pairs_next(&p)) {
		if (!p.old)
			TRY(diff_add(s, DIFF_CHANGED, added, "%s: %s is added.", property,
				     data_text(s->d, bytes_of_string(pairs_name(&p)))));
		if (!p.new)
			TRY(diff_add(s, DIFF_CHANGED, removed, "%s: %s is removed.", property,
				     data_text(s->d, bytes_of_string(pairs_name(&p)))));
	}
	return NULL;
}

const char *list_text(struct diffing *d, const struct string_list *names)
{
	enum { LISTED_MAX = 20 };
	CLEANUP(writer_free) struct writer w = { 0 };
	for (size_t i = 0; i < names->count && i < LISTED_MAX; i++)
		write_format(&w, "%s%s", i ? ", " : "", shown(names->items[i]).text);
	if (names->count > LISTED_MAX)
		write_format(&w, " and %zu more", names->count - LISTED_MAX);
	const char *text = arena_string(&d->out->arena, writer_view(&w));
	return text ? text : "?";
}
