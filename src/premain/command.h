/* What is to be launched: what the launcher was called with, and what the manifest says. */
#pragma once
#include <stdbool.h>

#include "base/error.h"
#include "marblerun/marble.h"
#include "premain/libos.h"

/*	called as                                     program         its arguments without Argv
 *	marblerun-premain PROGRAM [ARG…]              PROGRAM         PROGRAM [ARG…]
 *	Gramine, loader.argv[0] is the application    loader.argv[0]  ./marble
 *	Occlum, without arguments                     Argv[0]         -
 *
 * With Argv in the manifest, that is the whole argument vector, from argv[0] on. On Gramine, the
 * launcher is the LibOS's entry point and does not appear in argv; whatever else loader.argv holds
 * may come from the host and is not handed on. Occlum's programs are started with the name of the
 * file, without its folder, as argv[0]. */
struct command {
	bool help, version;
	const char *program;    /* borrowed; NULL: Argv[0] */
	char **arguments;       /* borrowed, NULL-terminated; without Argv in the manifest */
	bool base_name;         /* argv[0] without folder */
};

/* ERROR_INVALID: wrong usage. */
error *command_of_arguments(enum libos libos, int count, char **arguments, struct command *ret) MUST_USE;
/* The program when only the manifest names it, and its arguments. Borrowed. */
error *command_complete(const struct command *command, const struct marblerun_parameters *given,
			const char **ret_program, char ***ret_arguments) MUST_USE;
