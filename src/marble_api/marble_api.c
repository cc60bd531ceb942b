#include "marble_api/marble_api_internal.h"

void marble_api_handle(void *context, struct http_exchange *x)
{
	static const struct grpc_method methods[] = {
		{ "/rpc.Marble/Activate", activate_rpc },
		{ "/rpc.Marble/Attest", attest_rpc },
	};
	grpc_dispatch(methods, ARRAY_SIZE(methods), context, x);
}
