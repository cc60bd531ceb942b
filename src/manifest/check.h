/* The rules that hold across a manifest. */
#pragma once
#include "manifest/model.h"

/* All rules of the public documentation. Templates are not looked at: the coordinator tries them. */
error *manifest_check(const struct manifest *m) MUST_USE;
