/* UUIDs (RFC 9562) as marbles name themselves. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"

/* Accepts the forms that marbles use: canonical, "urn:uuid:" before it, braces around it, or 32 digits;
 * any case. Gives the canonical lower-case text. The nil UUID is refused. */
error *uuid_parse(bytes text, char ret[37]) MUST_USE;
