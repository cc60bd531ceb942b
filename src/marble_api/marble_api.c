#include "marble_api/marble_api_internal.h"

const struct grpc_method marble_methods[] = {
	{ "/rpc.Marble/Activate", activate_rpc },
	{ "/rpc.Marble/Attest", attest_rpc },
};
const size_t marble_method_count = ARRAY_SIZE(marble_methods);

void marble_api_handle(void *context, struct http_exchange *x)
{
	const struct marble_api *api = context;
	grpc_dispatch(marble_methods, marble_method_count, context, marble_counts_observer(api->counts), x);
}
