/* The file that is measured and executed: one descriptor for both, so that another file put in its
 * place in between is neither. */
#pragma once
#include <stdbool.h>

#include "base/error.h"
#include "premain/libos.h"

struct program {
	char *path;      /* where it was found */
	int descriptor;  /* -1: none */
	char opened[32]; /* a path that leads to the opened file, for measuring it */
	bool by_path;    /* a LibOS vouches for its files itself, and executes paths only */
};

/* Finds the file as execvp does: a name without '/' is looked up in `search` (the value of PATH; NULL:
 * the system's default); in a LibOS every name is a path. Opens it for reading. ERROR_NOT_FOUND;
 * ERROR_DENIED when it is there but can't be executed. */
error *program_open(enum libos libos, const char *name, const char *search, struct program *ret) MUST_USE;
/* Executes the opened file. Returns only on failure. */
error *program_execute(const struct program *program, char **arguments, char **environment) MUST_USE;
void program_close(struct program *program);
DEFINE_CLEANUP_IN_PLACE(program_close, struct program)
