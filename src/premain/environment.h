/* The environment of the program: the inherited one, overruled by the coordinator's. */
#pragma once
#include "base/error.h"
#include "marblerun/marble.h"
#include "premain/data_plane.h"

/* A NULL-terminated vector for exec. What is inherited is borrowed, what is given is copied. */
struct environment {
	char **entries;
	size_t given; /* the first of them are ours */
};
/* ERROR_INVALID for a name that is empty or holds '=' and for a value that holds NUL. */
error *environment_build(char **inherited, const struct marblerun_parameters *given, const struct data_plane *plane,
			 struct environment *ret) MUST_USE;
/* Wipes what was given. */
void environment_free(struct environment *environment);
DEFINE_CLEANUP_IN_PLACE(environment_free, struct environment)
