/* Plans: the templates of each marble, parsed and tried when the manifest comes, not when a marble
 * does. */
#pragma once
#include "coordinator/mesh.h"

/* Parses and tries every template; notes which marbles need keys that take long. The refusal names
 * marble, file or variable, line and column. */
error *plans_make(struct mesh *mesh) MUST_USE;
void plans_free(struct mesh *mesh);

enum { PARAMETER_SIZE_MAX = 16 << 20 }; /* bytes of one file or variable after its template */
/* Appends a parameter's content for the scope's marble; `parsed` NULL: the text as it is. */
error *parameter_write(const struct parameter *parameter, const struct template *parsed,
		       struct scope *scope, struct writer *ret) MUST_USE;
/* The TLS configuration of a marble that has tags. */
error *tls_config_write(const struct mesh *mesh, const struct marble *marble, struct scope *scope,
			const char *marble_chain_pem, const char *marble_key_pem,
			struct writer *ret) MUST_USE;
