/* Claims against a package: does this evidence satisfy what the manifest says? */
#pragma once
#include "manifest/model.h"

/* ERROR_DENIED naming the property, what it is and what was expected. The verdict must be genuine. */
error *package_admits(const struct package *package, const struct marblerun_verdict *verdict) MUST_USE;
/* Is the platform among those of Infrastructures? Says of each why not. */
error *infrastructures_admit(const struct infrastructure *items, size_t count,
			     const struct marblerun_verdict *verdict) MUST_USE;
