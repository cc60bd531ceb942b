#pragma once
#include "injector/configuration.h"

/* Serves the webhook until SIGTERM or SIGINT. */
error *injector_serve(const struct configuration *configuration) MUST_USE;
