/* The file in which a verified certificate chain is kept: --coordinator-cert, else
 * $XDG_CONFIG_HOME/marblerun/coordinator-cert.pem. */
#pragma once
#include "cli/command.h"

/* ERROR_NOT_FOUND says how to get one. */
error *chain_file_read(const struct options *options, char **ret_pem) MUST_USE;
error *chain_file_write(const struct options *options, const char *pem) MUST_USE;
