/* The manifest's files, with what the coordinator filled in. */
#pragma once
#include "base/error.h"
#include "marblerun/marble.h"
#include "premain/libos.h"

/* Writes all of them, mode 0600, folders that are missing 0700. Gramine's keys (/dev/attestation) come
 * first: files behind them may be encrypted with them.
 *
 * No symbolic link is followed, neither as file nor as folder: the host could have prepared it, to have
 * a secret written where it can read it. Outside a LibOS each file is complete or absent after a
 * crash. */
error *files_write(const struct marblerun_parameters *given, enum libos libos) MUST_USE;
