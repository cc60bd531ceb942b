#include "secrets/constraints.h"

#include <arpa/inet.h>

#include "codec/base64.h"
#include "pki/draft.h"
#include "secrets/fields.h"

DEFINE_CLEANUP(GENERAL_SUBTREE_free, GENERAL_SUBTREE *)

struct range {
	uint8_t address[16];
	size_t size;
	struct blob mask;
};

error *address_read(const json_t *value, uint8_t address[16], size_t *size)
{
	bytes text;
	TRY(field_text(value, &text));
	const char *string = json_string_value(value);
	*size = inet_pton(AF_INET, string, address) == 1 ? 4
	      : inet_pton(AF_INET6, string, address) == 1 ? 16 : 0;
	if (!*size)
		return error_new(ERROR_INVALID, "\"%.64s\": an IP address expected", string);
	return NULL;
}

static error *read_address(json_t *value, int argument, void *to)
{
	struct range *range = to;
	(void)argument;
	return address_read(value, range->address, &range->size);
}

static error *read_mask(json_t *value, int argument, void *to)
{
	bytes text;
	(void)argument;
	TRY(field_text(value, &text));
	return base64_decode(text, "value", &((struct range *)to)->mask);
}

/* Ones, then zeros: "the style of RFC 4632 (CIDR)". */
static bool is_prefix_mask(bytes mask)
{
	bool ended = false;
	for (size_t bit = 0; bit < 8 * mask.size; bit++) {
		bool one = mask.data[bit / 8] & 0x80 >> bit % 8;
		if (one && ended)
			return false;
		ended = !one;
	}
	return true;
}

/* "10.0.0.0/8" is the eight bytes 10 0 0 0 255 0 0 0. */
static error *put_range(const struct range *range, GENERAL_NAME *to)
{
	uint8_t both[32];
	if (!range->size || !range->mask.data)
		return error_new(ERROR_INVALID, "IP and Mask expected");
	if (range->mask.size != range->size || !is_prefix_mask(blob_view(&range->mask)))
		return error_new(ERROR_INVALID, "Mask: base64 of %zu bytes, ones before zeros, expected",
				 range->size);
	for (size_t i = 0; i < range->size; i++)
		both[i] = range->address[i] & range->mask.data[i];
	memcpy(both + range->size, range->mask.data, range->size);
	return general_name_set(to, GEN_IPADD, bytes_of(both, 2 * range->size));
}

static error *read_range(json_t *value, GENERAL_NAME *to)
{
	static const struct field fields[] = {
		{ "IP", read_address, 0 },
		{ "Mask", read_mask, 0 },
	};
	struct range range = { 0 };
	error *e = fields_read(value, fields, ARRAY_SIZE(fields), &range);
	if (!e)
		e = put_range(&range, to);
	blob_free(&range.mask);
	return e;
}

static error *read_subtree(json_t *value, int kind, GENERAL_NAME *to)
{
	bytes text;
	if (kind == GEN_IPADD)
		return read_range(value, to);
	TRY(field_ascii(value, &text));
	return general_name_set(to, kind, text);
}

static error *add(json_t *value, int kind, STACK_OF(GENERAL_SUBTREE) **list)
{
	CLEANUP(GENERAL_SUBTREE_free) GENERAL_SUBTREE *subtree = GENERAL_SUBTREE_new();
	TRY_ALLOC(subtree);
	TRY(read_subtree(value, kind, subtree->base));
	if (!*list)
		*list = sk_GENERAL_SUBTREE_new_null();
	if (!*list || !sk_GENERAL_SUBTREE_push(*list, subtree))
		return error_no_memory();
	subtree = NULL; /* the stack's now */
	return NULL;
}

error *constraints_read(json_t *value, int kind, NAME_CONSTRAINTS *to)
{
	bool excluded = kind & CONSTRAINT_EXCLUDED;
	TRY(field_list(value));
	for (size_t i = 0; i < json_array_size(value); i++)
		TRY_CTX(add(json_array_get(value, i), kind & ~CONSTRAINT_EXCLUDED,
			    excluded ? &to->excludedSubtrees : &to->permittedSubtrees),
			"entry %zu", i + 1);
	return NULL;
}
