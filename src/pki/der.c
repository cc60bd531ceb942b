#include "pki/der.h"

#include <openssl/objects.h>

/* X.690 section 8.1.3: up to 127 in one byte, above with the number of length bytes in front. */
static void write_header(struct writer *w, uint8_t tag, size_t size)
{
	unsigned more = 0;
	write_u8(w, tag);
	for (size_t rest = size; size > 127 && rest; rest >>= 8)
		more++;
	if (more)
		write_u8(w, (uint8_t)(0x80 | more));
	for (unsigned i = more ? more : 1; i-- > 0;)
		write_u8(w, (uint8_t)(size >> 8 * i));
}

void write_der(struct writer *w, uint8_t tag, bytes content)
{
	write_header(w, tag, content.size);
	write_bytes(w, content);
}

void write_der_nested(struct writer *w, uint8_t tag, const struct writer *content)
{
	write_der(w, tag, writer_view(content));
	w->failed |= content->failed;
	w->too_large |= content->too_large;
}

void write_der_bits(struct writer *w, bytes content)
{
	write_header(w, DER_BIT_STRING, content.size + 1);
	write_u8(w, 0); /* unused bits */
	write_bytes(w, content);
}

void write_der_object(struct writer *w, const ASN1_OBJECT *object)
{
	write_der(w, V_ASN1_OBJECT, bytes_of(OBJ_get0_data(object), OBJ_length(object)));
}
