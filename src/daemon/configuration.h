/* The coordinator's configuration, from the environment (public contract, section 1). */
#pragma once
#include <stdbool.h>

#include "base/log.h"

struct configuration {
	const char *mesh_address, *client_address;
	const char *dns_names;
	const char *metrics_address;  /* NULL: none */
	const char *startup_manifest; /* a path; NULL: none */
	const char *collateral_folder, *pccs, *kds; /* NULL: none */
	const char *tpm;              /* a TCTI; NULL: no TPM guards the state */
	const char *seal_folder;      /* where the sealed state is */
	bool plain_simulation;        /* OE_SIMULATION=1 */
	bool simulated_platform;      /* MARBLERUN_SIM_PLATFORM names one */
	enum log_format log_format;
	enum log_level log_level;
};

/* Strings stay owned by the environment. A value that makes no sense is refused, naming the variable. */
error *configuration_read(struct configuration *ret) MUST_USE;
