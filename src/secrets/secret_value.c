#include "secrets/secret_value.h"

void secret_value_free(struct secret_value *v)
{
	secret_free(&v->private_part);
	blob_free(&v->public_part);
	blob_free(&v->certificate);
	*v = (struct secret_value){ 0 };
}
