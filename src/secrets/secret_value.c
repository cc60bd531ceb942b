#include "secrets/secret_value.h"

void secret_value_free(struct secret_value *v)
{
	secret_free(&v->private_part);
	blob_free(&v->public_part);
	blob_free(&v->certificate);
	*v = (struct secret_value){ 0 };
}

error *secret_value_copy(const struct secret_value *from, struct secret_value *ret)
{
	CLEANUP(secret_value_free) struct secret_value v = { .definition = from->definition,
							     .is_set = from->is_set };
	TRY(secret_copy(secret_view(&from->private_part), &v.private_part));
	TRY(blob_copy(blob_view(&from->public_part), &v.public_part));
	TRY(blob_copy(blob_view(&from->certificate), &v.certificate));
	*ret = v;
	v = (struct secret_value){ 0 };
	return NULL;
}
