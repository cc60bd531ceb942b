#include "injector/patch.h"

#include <stdarg.h>
#include <stdio.h>

/* Takes path and value over. */
static bool append_operation(struct patch *p, json_t *path, json_t *value)
{
	json_t *operation = json_pack("{s:s, s:o, s:o}", "op", "add", "path", path, "value", value);
	if (!p->operations)
		p->operations = json_array();
	return json_array_append_new(p->operations, operation) == 0;
}

void patch_add(struct patch *p, json_t *value, const char *path, ...)
{
	va_list arguments;
	va_start(arguments, path);
	json_t *text = json_vsprintf(path, arguments);
	va_end(arguments);
	if (!append_operation(p, text, value))
		p->failed = true;
}

void patch_append(struct patch *p, const json_t *present, json_t *items, const char *path)
{
	json_t *item;
	size_t i;
	if (!items)
		p->failed = true;
	if (json_array_size(items) && !json_is_array(present)) {
		patch_add(p, items, "%s", path);
		return;
	}
	json_array_foreach(items, i, item)
		patch_add(p, json_incref(item), "%s/-", path);
	json_decref(items);
}

/* RFC 6901 section 3: "~" and "/" in a name are "~0" and "~1". */
static void write_escaped(struct writer *w, const char *name)
{
	for (; *name; name++) {
		if (*name == '~')
			write_string(w, "~0");
		else if (*name == '/')
			write_string(w, "~1");
		else
			write_u8(w, (uint8_t)*name);
	}
}

static void add_member(struct patch *p, json_t *value, const char *path, const char *name)
{
	CLEANUP(writer_free) struct writer pointer = { 0 };
	write_escaped(&pointer, name);
	CLEANUP_FREE char *text = writer_take_string(&pointer);
	if (text)
		patch_add(p, json_incref(value), "%s/%s", path, text);
	else
		p->failed = true;
}

void patch_insert(struct patch *p, const json_t *present, json_t *members, const char *path)
{
	const char *name;
	json_t *value;
	if (!members)
		p->failed = true;
	if (json_object_size(members) && !json_is_object(present)) {
		patch_add(p, members, "%s", path);
		return;
	}
	json_object_foreach(members, name, value)
		add_member(p, value, path, name);
	json_decref(members);
}

error *patch_finish(struct patch *p, json_t **ret)
{
	if (!p->operations)
		p->operations = json_array();
	if (p->failed || !p->operations)
		return error_no_memory();
	*ret = TAKE(p->operations);
	return NULL;
}

void patch_free(struct patch *p)
{
	json_decref(p->operations);
	*p = (struct patch){ 0 };
}
