/* The words of POST /api/v2/monotonic-counter. */
#pragma once
#include "base/writer.h"

error *counter_request(const char *name, uint64_t value, struct writer *ret) MUST_USE;
/* `status` of HTTP. ERROR_UNAVAILABLE when asking again may help. */
error *counter_answer(int status, bytes body, uint64_t *ret_previous) MUST_USE;
