/* SHA-256 over several parts. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"

/* The parts one behind the other, as specifications have it. */
error *digest_concatenated(const bytes *parts, size_t count, uint8_t ret[32]) MUST_USE;
/* Each part behind its length, so that no two lists of parts give the same text. */
error *digest_separated(const bytes *parts, size_t count, uint8_t ret[32]) MUST_USE;
