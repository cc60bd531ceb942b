/* What a new definition of a secret means for its value. */
#pragma once
#include "manifest/model.h"

/* Do both define the same secret? */
bool secret_definition_equal(const struct secret_definition *a, const struct secret_definition *b);
/* Does the shared or uploaded value of `old` stay the value of `new` through an update? Certificates are
 * signed by the intermediate, which an update replaces; keys come from the root secret's age. */
bool secret_value_stays(const struct secret_definition *old, const struct secret_definition *new,
			bool rotate_root_secret);
