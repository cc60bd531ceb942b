#include "codec/pem.h"

#include <stdio.h>

#include "codec/base64.h"

enum { PEM_LABEL_MAX = 63 };
static const char begin_mark[] = "-----BEGIN ";
static const char end_mark[] = "-----END ";
static const char close_mark[] = "-----";

void write_pem(struct writer *w, const char *label, bytes der)
{
	write_format(w, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < der.size; i += 48) {
		write_base64(w, bytes_slice(der, i, 48));
		write_u8(w, '\n');
	}
	write_format(w, "-----END %s-----\n", label);
}

/* Moves `from` behind the next `mark`; false when there is none. */
static bool skip_past(bytes *from, const char *mark, bytes *ret_before)
{
	size_t length = strlen(mark);
	const uint8_t *at = from->size ? memmem(from->data, from->size, mark, length) : NULL;
	if (!at)
		return false;
	size_t before = (size_t)(at - from->data);
	*ret_before = bytes_slice(*from, 0, before);
	*from = bytes_slice(*from, before + length, SIZE_MAX);
	return true;
}

/* RFC 7468, section 3: a label is printable ASCII. */
static bool is_label(bytes name)
{
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] < ' ' || name.data[i] > '~')
			return false;
	return name.size <= PEM_LABEL_MAX;
}

/* CR and LF are skipped by base64_decode; blanks, around which Go reads, here. */
static error *decode_body(bytes body, struct secret *ret)
{
	CLEANUP(writer_free) struct writer digits = { .secret = true };
	for (size_t i = 0; i < body.size; i++)
		if (body.data[i] != ' ' && body.data[i] != '\t')
			write_u8(&digits, body.data[i]);
	TRY(writer_check(&digits, "content"));
	return base64_decode_secret(writer_view(&digits), "content", ret);
}

error *pem_next(struct pem_walk *walk, const char *what, bool *found, char label[64],
		struct secret *ret)
{
	bytes rest = walk->rest, skipped, name, body, end_name;
	if (!skip_past(&rest, begin_mark, &skipped)) {
		*found = false;
		return NULL;
	}
	size_t number = walk->blocks + 1;
	if (!skip_past(&rest, close_mark, &name) || !is_label(name))
		return error_new(ERROR_INVALID, "%s: PEM block %zu has no proper label", what, number);
	if (!skip_past(&rest, end_mark, &body) || !skip_past(&rest, close_mark, &end_name) ||
	    !bytes_equal(name, end_name))
		return error_new(ERROR_INVALID, "%s: PEM block %zu (%.*s) is not closed", what, number,
				 (int)name.size, (const char *)name.data);
	TRY_CTX(decode_body(body, ret), "%s: PEM block %zu (%.*s)", what, number, (int)name.size,
		(const char *)name.data);
	snprintf(label, PEM_LABEL_MAX + 1, "%.*s", (int)name.size, (const char *)name.data);
	walk->rest = rest;
	walk->blocks = number;
	*found = true;
	return NULL;
}
