/* Randomness for keys, nonces and serial numbers. Safe under threads. */
#pragma once
#include "base/error.h"

error *random_fill(void *to, size_t size) MUST_USE;
