#include "model.h"

#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/pem.h"

enum object_type { OBJECT_DATA, OBJECT_MARBLERUN, OBJECT_PREVIOUS, OBJECT_SECRETS, OBJECT_SECRET,
		   OBJECT_CERT, OBJECT_PUBLIC, OBJECT_PRIVATE, OBJECT_MAP };

struct secret_entry {
	const char *name, *type;
	int64_t size;
	bool shared;
	bytes cert, public, private;
};
#define TEXT(text) { (const uint8_t *)(text), sizeof(text) - 1 }

static const struct secret_entry secrets[] = {
	{ "cert", "cert-ecdsa", 256, true, TEXT("certificate one"), TEXT("public one"),
	  TEXT("private one") },
	{ "gr\xc3\xb6\xc3\x9f" "e", "plain", 0, false, { 0 }, TEXT("hello, world"),
	  TEXT("hello, world") },
	{ "key", "symmetric-key", 128, false, { 0 }, TEXT("\0\1\2\xfd\xfe\xff"),
	  TEXT("\0\1\2\xfd\xfe\xff") },
	{ "nul", "plain", 0, false, { 0 }, TEXT("a\0b"), TEXT("a\0b") },
	{ "plain", "plain", 0, false, { 0 }, TEXT("hello, world"), TEXT("hello, world") },
	{ "unset", "plain" },
	{ "with-dash", "plain", 0, false, { 0 }, TEXT("hello, world"), TEXT("hello, world") },
};
static const struct secret_entry previous[] = {
	{ "key", "plain", 0, false, { 0 }, TEXT("hello, world"), TEXT("hello, world") },
};
static const struct secret_entry root_ca = { .cert = TEXT("the root") };
static const struct secret_entry marble_cert = { .cert = TEXT("the leaf"),
						 .public = TEXT("leaf public"),
						 .private = TEXT("leaf private") };
struct secret_map {
	const struct secret_entry *entries;
	size_t count;
};
static const struct secret_map secret_map = { secrets, ARRAY_SIZE(secrets) };
static const struct secret_map previous_map = { previous, ARRAY_SIZE(previous) };

struct named_value {
	const char *name;
	struct value value;
};
struct value_map {
	const struct named_value *entries;
	size_t count;
};
#define STRING(text) { .kind = VALUE_STRING, .string = TEXT(text) }
#define INTEGER(n) { .kind = VALUE_INTEGER, .integer = (n) }
#define BOOLEAN(b) { .kind = VALUE_BOOLEAN, .boolean = (b) }
#define OBJECT(type, of) { .kind = VALUE_OBJECT, .object = (of), .object_type = (type) }

static const struct named_value texts[] = { { "a", STRING("one") }, { "b", STRING("two") },
					    { "c", STRING("") } };
static const struct value_map texts_map = { texts, ARRAY_SIZE(texts) };
static const struct named_value numbers[] = { { "x", INTEGER(1) }, { "y", INTEGER(0) },
					      { "z", INTEGER(-7) } };
static const struct value_map numbers_map = { numbers, ARRAY_SIZE(numbers) };
static const struct value_map empty_map;
static const struct named_value data[] = {
	{ "Secrets", OBJECT(OBJECT_SECRETS, &secret_map) },
	{ "MarbleRun", OBJECT(OBJECT_MARBLERUN, "") },
	{ "Previous", OBJECT(OBJECT_PREVIOUS, "") },
	{ "Name", STRING("Ada") },
	{ "Nothing", STRING("") },
	{ "Odd", STRING("tab\t\"quote\" `back` gr\xc3\xb6\xc3\x9f" "e\xe2\x86\x92\xf0\x9f\x98\x80"
			" \\ \x7f\xc2\xa0\xe2\x80\x8b") },
	{ "Binary", STRING("a\xff\xf0\x9f\x98z\0") },
	{ "Count", INTEGER(3) },
	{ "Negative", INTEGER(-42) },
	{ "Zero", INTEGER(0) },
	{ "On", BOOLEAN(true) },
	{ "Off", BOOLEAN(false) },
	{ "Texts", OBJECT(OBJECT_MAP, &texts_map) },
	{ "Numbers", OBJECT(OBJECT_MAP, &numbers_map) },
	{ "Empty", OBJECT(OBJECT_MAP, &empty_map) },
};

static bool find_value(const struct named_value *entries, size_t count, bytes name,
		       struct value *ret)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_equal_string(name, entries[i].name)) {
			*ret = entries[i].value;
			return true;
		}
	*ret = (struct value){ 0 };
	return false;
}

static struct value object(int type, const void *of)
{
	return (struct value){ .kind = VALUE_OBJECT, .object = of, .object_type = type };
}

static bool secret_field(const struct secret_entry *s, bytes name, struct value *ret)
{
	struct named_value fields[] = {
		{ "Type", { .kind = VALUE_STRING, .string = bytes_of_string(s->type) } },
		{ "Size", INTEGER(s->size) },
		{ "Shared", BOOLEAN(s->shared) },
		{ "Cert", object(OBJECT_CERT, &s->cert) },
		{ "Public", object(OBJECT_PUBLIC, &s->public) },
		{ "Private", object(OBJECT_PRIVATE, &s->private) },
	};
	return find_value(fields, ARRAY_SIZE(fields), name, ret);
}

static void find_secret(const struct secret_map *map, bytes name, struct value *ret)
{
	*ret = (struct value){ 0 };
	for (size_t i = 0; i < map->count; i++)
		if (bytes_equal_string(name, map->entries[i].name))
			*ret = object(OBJECT_SECRET, &map->entries[i]);
}

static error *model_field(void *context, const struct value *of, bytes name, struct value *ret)
{
	(void)context;
	const struct named_value marblerun[] = {
		{ "RootCA", object(OBJECT_SECRET, &root_ca) },
		{ "MarbleCert", object(OBJECT_SECRET, &marble_cert) },
	};
	const struct named_value before[] = {
		{ "Secrets", object(OBJECT_SECRETS, &previous_map) },
	};
	const struct value_map *map = of->object;
	bool found = false;
	switch ((enum object_type)of->object_type) {
	case OBJECT_SECRETS:
		find_secret(of->object, name, ret);
		return NULL;
	case OBJECT_MAP:
		find_value(map->entries, map->count, name, ret);
		return NULL;
	case OBJECT_DATA:
		found = find_value(data, ARRAY_SIZE(data), name, ret);
		break;
	case OBJECT_MARBLERUN:
		found = find_value(marblerun, ARRAY_SIZE(marblerun), name, ret);
		break;
	case OBJECT_PREVIOUS:
		found = find_value(before, ARRAY_SIZE(before), name, ret);
		break;
	case OBJECT_SECRET:
		found = secret_field(of->object, name, ret);
		break;
	case OBJECT_CERT:
	case OBJECT_PUBLIC:
	case OBJECT_PRIVATE:
		break;
	}
	return found ? NULL : error_new(ERROR_INVALID, "no such field");
}

static error *model_key(void *context, const struct value *of, size_t n, bytes *name, bool *end)
{
	(void)context;
	const struct secret_map *secrets_of = of->object;
	const struct value_map *map = of->object;
	if (of->object_type != OBJECT_SECRETS && of->object_type != OBJECT_MAP)
		return error_new(ERROR_INVALID, "no map");
	bool is_map = of->object_type == OBJECT_MAP;
	*end = n >= (is_map ? map->count : secrets_of->count);
	if (!*end)
		*name = bytes_of_string(is_map ? map->entries[n].name :
						 secrets_of->entries[n].name);
	return NULL;
}

static bool model_truth(void *context, const struct value *of)
{
	(void)context;
	if (of->object_type == OBJECT_PUBLIC || of->object_type == OBJECT_PRIVATE)
		return ((const bytes *)of->object)->size > 0;
	return of->object_type != OBJECT_MAP || ((const struct value_map *)of->object)->count > 0;
}

static const char *const functions[] = { "pem", "hex", "base64", "raw", "string" };

static bool model_has_function(void *context, bytes name)
{
	(void)context;
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (bytes_equal_string(name, functions[i]))
			return true;
	return false;
}

static error *raw_bytes(const struct value *v, bytes *ret)
{
	if (v->kind != VALUE_OBJECT || v->object_type < OBJECT_SECRET ||
	    v->object_type > OBJECT_PRIVATE)
		return error_new(ERROR_INVALID, "no secret");
	*ret = v->object_type == OBJECT_SECRET ? ((const struct secret_entry *)v->object)->public :
						 *(const bytes *)v->object;
	return ret->size ? NULL : error_new(ERROR_INVALID, "empty");
}

static error *call_string(const struct value *v, struct writer *text)
{
	const struct secret_entry *s = v->object;
	if (v->kind != VALUE_OBJECT || v->object_type != OBJECT_SECRET || !s->type ||
	    strcmp(s->type, "plain") != 0 || !s->public.size ||
	    memchr(s->public.data, 0, s->public.size))
		return error_new(ERROR_INVALID, "not plain");
	write_bytes(text, s->public);
	return NULL;
}

static error *call_pem(const struct value *v, struct writer *text)
{
	static const char *const labels[] = { [OBJECT_CERT] = "CERTIFICATE",
					      [OBJECT_PUBLIC] = "PUBLIC KEY",
					      [OBJECT_PRIVATE] = "PRIVATE KEY" };
	bytes raw;
	TRY(raw_bytes(v, &raw));
	if (!labels[v->object_type])
		return error_new(ERROR_INVALID, "no pem");
	write_pem(text, labels[v->object_type], raw);
	return NULL;
}

static error *model_call(void *context, bytes name, const struct value *arguments, size_t count,
			 struct writer *text)
{
	(void)context;
	bytes raw;
	if (count != 1)
		return error_new(ERROR_INVALID, "one argument expected, %zu given", count);
	if (bytes_equal_string(name, "string"))
		return call_string(arguments, text);
	if (bytes_equal_string(name, "pem"))
		return call_pem(arguments, text);
	TRY(raw_bytes(arguments, &raw));
	if (bytes_equal_string(name, "hex"))
		write_hex(text, raw);
	else if (bytes_equal_string(name, "base64"))
		write_base64(text, raw);
	else
		write_bytes(text, raw);
	return NULL;
}

static error *model_print(void *context, const struct value *of, struct writer *text)
{
	(void)context;
	(void)of;
	(void)text;
	return error_new(ERROR_INVALID, "an object has no text");
}

const struct template_scope model_scope = {
	.field = model_field,
	.key = model_key,
	.truth = model_truth,
	.has_function = model_has_function,
	.call = model_call,
	.print = model_print,
};

struct value model_dot(void)
{
	return object(OBJECT_DATA, data);
}
