/* Updates of packages: manifests of nothing but new SecurityVersions. */
#pragma once
#include "manifest/model.h"

/* Has it packages and nothing else? */
bool manifest_is_package_update(const struct manifest *m);
/* ERROR_INVALID naming the package: unknown, without a version, with a lower one than now, or with any
 * other property. */
error *package_update_check(const struct manifest *present, const struct manifest *update) MUST_USE;
