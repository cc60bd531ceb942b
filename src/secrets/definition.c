#include "secrets/definition.h"

bool secret_definition_equal(const struct secret_definition *a, const struct secret_definition *b)
{
	bool same_template = a->cert == b->cert || (a->cert && b->cert && json_equal(a->cert, b->cert));
	return a->type == b->type && a->size == b->size && a->shared == b->shared &&
	       a->user_defined == b->user_defined && a->valid_for == b->valid_for &&
	       a->has_not_after == b->has_not_after && a->not_after == b->not_after && same_template;
}

bool secret_value_stays(const struct secret_definition *old, const struct secret_definition *new,
			bool rotate_root_secret)
{
	if (!secret_definition_equal(old, new))
		return false;
	return new->user_defined || (new->type == SECRET_SYMMETRIC_KEY && !rotate_root_secret);
}
