/* What a manifest's templates can look up: .MarbleRun, .Secrets, .Previous, and pem, hex, base64,
 * raw, string. Per-marble secrets come into being when a template first asks for them. */
#pragma once
#include "coordinator/secret_set.h"
#include "pki/ca.h"
#include "template/template.h"

/* The four of .MarbleRun. */
enum reserved { RESERVED_ROOT_CA, RESERVED_MARBLE_CERT, RESERVED_COORDINATOR_ROOT,
		RESERVED_COORDINATOR_INTERMEDIATE, RESERVED_COUNT };

/* The secrets as one marble sees them. */
struct marble_secrets {
	const struct secret_set *set;
	struct secret_value *own; /* same order as the set; those made for this marble */
};

struct scope {
	const struct ca *ca;
	struct secret_value reserved[RESERVED_COUNT];
	struct marble_secrets current, previous; /* previous.set NULL: the same as current */
	const char *uuid, *binding; /* binding: the marble's type, or "" */
	int64_t now;
	bool dry_run;      /* values that are not there yet are stood in for */
	bool touched_slow; /* a secret was asked for that takes long to make */
	struct template_scope template_scope;
};

/* `previous` may be NULL. Reserved values are the caller's to fill in; scope_free frees them. */
error *scope_init(struct scope *scope, const struct ca *ca, const struct secret_set *current,
		  const struct secret_set *previous) MUST_USE;
void scope_free(struct scope *scope);
DEFINE_CLEANUP_IN_PLACE(scope_free, struct scope)
/* The value of a secret for this marble, made when needed. */
error *scope_secret(struct scope *scope, struct marble_secrets *which, size_t index,
		    const struct secret_value **ret) MUST_USE;
/* Templates start here ("."). */
struct value scope_dot(const struct scope *scope);
/* Functions of files or of environment variables. */
enum parameter_place { PLACE_FILE, PLACE_ENVIRONMENT };
void scope_for(struct scope *scope, enum parameter_place place);
