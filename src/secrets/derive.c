#include "secrets/derive.h"

#include "base/hkdf.h"
#include "secrets/generate.h"

error *secret_derive(const struct secret_definition *definition, bytes root_secret, const char *uuid,
		     const char *marble_type, struct secret_value *ret)
{
	CLEANUP(writer_free) struct writer salt = { 0 };
	CLEANUP(secret_value_free) struct secret_value v = { .definition = definition,
							     .is_set = true };
	TRY(secret_definition_check(definition));
	if (definition->type != SECRET_SYMMETRIC_KEY || definition->shared || definition->user_defined)
		return error_new(ERROR_INTERNAL, "%s: only a marble's own symmetric keys are derived",
				 definition->name);
	write_string(&salt, uuid);
	write_string(&salt, definition->name);
	TRY(writer_check(&salt, "salt"));
	TRY(secret_new(definition->size / 8, &v.private_part));
	TRY(hkdf_sha256(root_secret, writer_view(&salt), bytes_of_string(marble_type), &v.private_part));
	*ret = v;
	v = (struct secret_value){ 0 };
	return NULL;
}
