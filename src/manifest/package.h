/* Packages, as they stand in a manifest and in an --era-config file. */
#pragma once
#include "manifest/decode.h"

decode_function decode_package;
/* The rules of one package: what must be given, and what must not be given together. */
error *package_check(const struct package *p, const struct place *at) MUST_USE;
