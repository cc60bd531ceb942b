/* Flags: all of them in one table, so that a name means the same everywhere. */
#pragma once
#include <stdbool.h>

#include "base/error.h"

enum flag {
	FLAG_NONE,
	/* every command's */
	FLAG_HELP,
	FLAG_ERA_CONFIG,
	FLAG_INSECURE,
	FLAG_SIM_ROOT,
	FLAG_COLLATERAL,
	FLAG_ACCEPTED_TCB_STATUSES,
	FLAG_ACCEPTED_ADVISORIES,
	FLAG_COORDINATOR_CERT,
	FLAG_NONCE,
	FLAG_SAVE_SGX_QUOTE,
	FLAG_NAMESPACE,
	FLAG_ACCEPT_ROLLBACK,
	FLAG_COMMON_END,
	/* some commands' */
	FLAG_OUTPUT_FORMAT = FLAG_COMMON_END,
	FLAG_OUTPUT_FILE,
	FLAG_RECOVERY_DATA,
	FLAG_SIGNATURE,
	FLAG_DISPLAY_UPDATE,
	FLAG_KEEP_CERT,
	FLAG_SIM_PLATFORM,
	FLAG_DAYS,
	FLAG_ADVISORY,
	FLAG_PRODUCT_ID,
	FLAG_SECURITY_VERSION,
	FLAG_DEBUG,
	FLAG_PCCS,
	FLAG_AT,
	FLAG_ROOT,
	FLAG_POLICY,
	FLAG_ALLOW_DEBUG,
	FLAG_REPORT_DATA,
	FLAG_STRICT,
	FLAG_CERT,
	FLAG_KEY,
	FLAG_RECOVERY_KEY,
	FLAG_PKCS11_CONFIG,
	FLAG_PKCS11_KEY_ID,
	FLAG_PKCS11_KEY_LABEL,
	FLAG_PKCS11_CERT_ID,
	FLAG_PKCS11_CERT_LABEL,
	FLAG_MISSING,
	FLAG_FROM_PEM,
	FLAG_SIGNATURE_FILE,
	FLAG_COORDINATOR_PUB_KEY,
	FLAG_TIMEOUT,
	FLAG_VERIFY,
	FLAG_KUBECONFIG,
	FLAG_CONTEXT,
	FLAG_REQUEST_TIMEOUT,
	FLAG_WAIT,
	FLAG_DRY_RUN,
	FLAG_DOMAIN,
	FLAG_SIMULATION,
	FLAG_RESOURCE_KEY,
	FLAG_RUNTIME_CLASS,
	FLAG_DISABLE_INJECTION,
	FLAG_VERSION,
	FLAG_IMAGE_REPOSITORY,
	FLAG_CLIENT_PORT,
	FLAG_MESH_PORT,
	FLAG_DCAP_PCCS_URL,
	FLAG_DCAP_SECURE_CERT,
	FLAG_DCAP_QCNL_CONFIG_FILE,
	FLAG_DCAP_QPL,
	FLAG_CHART_PATH,
	FLAG_DISTRIBUTED,
	FLAG_DELETE_STATE,
	FLAG_COUNT,
};

enum { FLAG_REPEAT_MAX = 64 };

struct flag_values {
	const char *values[FLAG_COUNT]; /* NULL: not given; of a switch: "" */
	unsigned numbers[FLAG_COUNT];   /* of numeric flags that were given */
	const char *repeated[FLAG_REPEAT_MAX]; /* of the flag that may be repeated: a command has at most one */
	size_t repeated_count;
};

struct command;
/* Parses `arguments` (argv without the program's name), which may be reordered: *first is then the
 * index of the first that is no flag. ERROR_INVALID: wrong usage. `command` NULL: any command's flags,
 * unchecked, up to the first argument that is none. */
error *flags_parse(const struct command *command, int count, char **arguments, struct flag_values *ret,
		   int *first) MUST_USE;
static inline bool flag_given(const struct flag_values *flags, enum flag flag)
{
	return flags->values[flag] != NULL;
}
/* --output json */
bool flags_want_json(const struct flag_values *flags);

/* One flag, to choose it by; false when there is none. */
struct flag_look {
	const char *name;  /* without its dashes */
	char letter;       /* 0: none */
	const char *value; /* "FILE", "text|json"; NULL: a switch */
	const char *text;
	bool repeatable;
};
bool flag_look(enum flag flag, struct flag_look *ret);

/* For help: "-o, --output FILE" and its text; false when the flag is not shown. */
bool flag_describe(enum flag flag, char *to, size_t size, const char **ret_text);
