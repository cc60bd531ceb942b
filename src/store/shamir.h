/* Shamir's secret sharing over GF(2^8), polynomial x^8+x^4+x^3+x+1: any `threshold` shares give the
 * secret, fewer say nothing. A share is the secret's length of bytes, then its x, as the public
 * contract of recovery has it. Arithmetic takes the same time for all values. */
#pragma once
#include "base/secret.h"

/* 2 ≤ threshold ≤ count ≤ 255. shares[0 … count-1] are filled with distinct x ≠ 0. */
error *shamir_split(bytes secret, size_t count, size_t threshold, struct secret *shares) MUST_USE;
/* Puts shares together: all of one size, with distinct x ≠ 0, at least two. Whether they belong
 * together can't be seen here: the result must be checked by whoever knows the secret's use. */
error *shamir_combine(const struct secret *shares, size_t count, struct secret *ret) MUST_USE;
