/* The command line: a tree of commands, one table for all flags. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Exit codes. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* What flags say. Strings are argv's. */
struct options {
	const char *era_config, *coordinator_cert, *nonce, *save_quote, *sim_root, *collateral, *namespace;
	const char *accepted_tcb_statuses, *accepted_advisories; /* comma-separated */
	const char *output, *recovery_data, *sim_platform;
	const char *advisories[64];
	uint64_t advisory_count, days, product_id, security_version;
	bool insecure, keep_cert, display_update, debug, help;
};

/* Sets of flags, as bits. */
enum flag_set {
	FLAGS_COORDINATOR = 1 << 0, /* whom to trust, and what to keep */
	FLAGS_OUTPUT_FILE = 1 << 1,
	FLAGS_OUTPUT_FORMAT = 1 << 2,
	FLAGS_RECOVERY_DATA = 1 << 3,
	FLAGS_GET = 1 << 4,
	FLAGS_DAYS = 1 << 5,
	FLAGS_ADVISORY = 1 << 6,
	FLAGS_SIGN = 1 << 7,
	FLAGS_PLATFORM = 1 << 8,
};

struct command {
	const char *name, *arguments, *summary;
	const char *details, *example; /* may be NULL */
	unsigned flags;
	int least, most; /* arguments */
	error *(*run)(const struct options *options, int count, char **arguments);
	const struct command *children; /* NULL-named end; then `run` is NULL */
};

extern const struct command root_command;

/* One file each. */
error *run_status(const struct options *options, int count, char **arguments);
error *run_manifest_set(const struct options *options, int count, char **arguments);
error *run_manifest_get(const struct options *options, int count, char **arguments);
error *run_manifest_verify(const struct options *options, int count, char **arguments);
error *run_manifest_signature(const struct options *options, int count, char **arguments);
error *run_certificate_root(const struct options *options, int count, char **arguments);
error *run_certificate_intermediate(const struct options *options, int count, char **arguments);
error *run_certificate_chain(const struct options *options, int count, char **arguments);
error *run_package_info(const struct options *options, int count, char **arguments);
error *run_version(const struct options *options, int count, char **arguments);
error *run_sim_init(const struct options *options, int count, char **arguments);
error *run_sim_set_tcb(const struct options *options, int count, char **arguments);
error *run_sim_measure(const struct options *options, int count, char **arguments);
error *run_sim_sign(const struct options *options, int count, char **arguments);
