#pragma once
#include "marble_api/marble_api.h"
#include "rpc.pb-c.h"

/* One file for each method. */
void activate_rpc(void *context, struct grpc_call call);
void attest_rpc(void *context, struct grpc_call call);
