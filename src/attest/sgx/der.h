/* A walk over DER (X.690): tag, definite length, content. No copies. */
#pragma once
#include "base/reader.h"

enum { DER_INTEGER = 2, DER_OCTET_STRING = 4, DER_OBJECT_ID = 6, DER_ENUMERATED = 10,
       DER_SEQUENCE = 0x30 };

/* The next element's tag and content; marks the reader failed on anything but short, definite,
 * minimal lengths that fit. */
bytes der_next(struct reader *r, uint8_t *tag);
/* The same, failing also when the tag is another. */
bytes der_expect(struct reader *r, uint8_t tag);
