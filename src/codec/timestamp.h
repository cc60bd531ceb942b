/* Times as text. */
#pragma once
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/writer.h"

/* RFC 3339 section 5.6 ("2030-12-31T23:59:59Z", with fraction or offset too), as seconds since 1970;
 * a fraction is cut off. `what` names the value in messages. */
error *timestamp_parse(bytes text, const char *what, int64_t *ret) MUST_USE;
/* Milliseconds since 1970 as "2030-12-31T23:59:59.000Z". */
void write_timestamp_ms(struct writer *w, int64_t milliseconds);
