/* What API servers answer. */
#pragma once
#include "kubernetes/client.h"

/* A success's object (`ret` may be NULL), or the Status of a failure as an error. `token`, and what a Secret
 * held that was sent, are never shown, even when the server repeats them. */
error *kube_answer(const struct kube_request *request, long status, bytes body, bytes token, json_t **ret) MUST_USE;
