/* Distinguished encoding (X.690) of what is made on every activation: OpenSSL's encoders walk their
 * templates several times per level, which for a certificate takes as long as its signature. */
#pragma once
#include <openssl/asn1.h>

#include "base/writer.h"

enum der_tag {
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_UTF8_STRING = 0x0c,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_IMPLICIT_0 = 0x80, /* [0], primitive */
	DER_EXPLICIT_1 = 0xa1, /* [1], constructed */
	DER_EXPLICIT_3 = 0xa3,
};
/* Tag, length, content. */
void write_der(struct writer *w, uint8_t tag, bytes content);
/* The same with what another writer holds; fails when that one failed. */
void write_der_nested(struct writer *w, uint8_t tag, const struct writer *content);
/* A BIT STRING of whole bytes. */
void write_der_bits(struct writer *w, bytes content);
void write_der_object(struct writer *w, const ASN1_OBJECT *object);
