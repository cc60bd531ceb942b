#pragma once
#include "marble_api/marble_api.h"
#include "rpc.pb-c.h"

extern const struct grpc_method marble_methods[];
extern const size_t marble_method_count;

/* One file for each method. */
void activate_rpc(void *context, struct grpc_call call);
void attest_rpc(void *context, struct grpc_call call);
