#include "metrics/family.h"
#include "metrics/label.h"

enum { FAMILIES_MAX = 64 };

struct metrics {
	struct metric *families[FAMILIES_MAX];
	size_t count;
};

error *metrics_new(struct metrics **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? NULL : error_no_memory();
}

void metrics_free(struct metrics *m)
{
	for (size_t i = 0; m && i < m->count; i++)
		family_free(m->families[i]);
	free(m);
}

static bool is_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	return *text && strchr(letters, *text) && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789")];
}

/* Definitions are ours; a wrong one would make the whole document unreadable. */
static error *check(const struct metrics *m, const struct metric_definition *d)
{
	bool good = m->count < FAMILIES_MAX && is_name(d->name) && !strpbrk(d->help, "\\\n") &&
		    d->bound_count <= METRIC_BOUNDS_MAX;
	for (size_t i = 0; good && i < METRIC_LABELS_MAX && d->labels[i]; i++)
		good = is_name(d->labels[i]) && strlen(d->labels[i]) <= LABEL_NAME_MAX;
	for (size_t i = 1; good && i < d->bound_count; i++)
		good = d->bounds[i - 1] < d->bounds[i];
	for (size_t i = 0; good && i < m->count; i++)
		good = strcmp(m->families[i]->definition->name, d->name) != 0;
	return good ? NULL : error_new(ERROR_INTERNAL, "metric %s: bad definition", d->name);
}

error *metrics_add(struct metrics *m, const struct metric_definition *definition, void *context,
		   struct metric **ret)
{
	struct metric *family;
	TRY(check(m, definition));
	TRY(family_new(definition, context, &family));
	m->families[m->count++] = family;
	if (ret)
		*ret = family;
	return NULL;
}

void metrics_write(const struct metrics *m, struct writer *w)
{
	for (size_t i = 0; i < m->count; i++)
		family_write(m->families[i], w);
}
