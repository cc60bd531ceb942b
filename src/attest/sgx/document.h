/* Members of Intel's signed documents. Errors name the document and the member. */
#pragma once
#include "attest/window.h"
#include "codec/json.h"

enum { LEVELS_MAX = 256 };

/* ERROR_INVALID: "<document>: <name>: <expected> is expected". */
error *document_lacks(const char *document, const char *name, const char *expected) MUST_USE;
error *document_text(const json_t *object, const char *document, const char *name, const char **ret) MUST_USE;
/* 0 … most. */
error *document_number(const json_t *object, const char *document, const char *name, json_int_t most,
		       json_int_t *ret) MUST_USE;
error *document_hex(const json_t *object, const char *document, const char *name, uint8_t *to,
		    size_t size) MUST_USE;
/* issueDate and nextUpdate. */
error *document_dates(const json_t *body, const char *document, int64_t at, struct window *window) MUST_USE;
/* tcbLevels: an array of 1 … LEVELS_MAX. */
error *document_levels(const json_t *body, const char *document, json_t **ret) MUST_USE;
/* ERROR_DENIED unless value & mask is what the document says; up to 16 bytes, in the order of the
 * report. */
error *document_masked(const json_t *object, const char *document, const char *name,
		       const char *mask_name, const uint8_t *value, size_t size) MUST_USE;
