/* What the simulated platform measures of a program. */
#pragma once
#include "attest/sim/platform_files.h"
#include "marblerun/sim.h"

/* UniqueID = SHA-256 of a label and the file's content; product, version and debug from the signing
 * record of that very content, defaults without one. */
error *sim_measure(const char *folder, const char *program, struct marblerun_sim_program *ret) MUST_USE;
