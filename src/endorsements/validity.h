/* How long a document is valid, by its own words. */
#pragma once
#include "endorsements/documents.h"

/* The last second; INT64_MAX where it does not say. ERROR_INVALID when it is no such document. */
error *document_validity(enum document_kind kind, bytes body, int64_t *ret) MUST_USE;
/* %XX and + as services put PEM into headers. */
error *header_decode(bytes text, struct blob *ret) MUST_USE;
