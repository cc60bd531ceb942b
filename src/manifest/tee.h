/* Reading what packages and infrastructures say of TDX and SEV-SNP. */
#pragma once
#include "manifest/decode.h"

decode_function decode_snp_minimum;
