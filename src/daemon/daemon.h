/* The coordinator as a process: TEE, state, servers, signals. */
#pragma once
#include "daemon/configuration.h"

/* Runs until SIGTERM or SIGINT; then finishes what is in flight. */
error *daemon_run(const struct configuration *configuration) MUST_USE;
