#include <stdatomic.h>

#include "base/log.h"
#include "client_api/client_api_internal.h"

struct route {
	const char *path;
	resource_handler get, post; /* NULL: method not allowed */
};

static const struct route routes[] = {
	{ "/api/v2/status", status_get, NULL },
	{ "/api/v2/manifest", manifest_get, manifest_post },
	{ "/api/v2/quote", quote_get, NULL },
	{ "/api/v2/secrets", secrets_get, secrets_post },
	{ "/api/v2/update", update_get, update_post },
	{ "/api/v2/update-manifest", update_manifest_get, update_manifest_post },
	{ "/api/v2/update-cancel", NULL, update_cancel_post },
	{ "/api/v2/recover", NULL, recover_post },
	{ "/api/v2/recover/public-key", recovery_public_key_get, NULL },
	{ "/api/v2/manifest-diff", manifest_diff_get, manifest_diff_post }, /* ours */
	{ "/api/v2/log", log_get, NULL }, /* ours */
	{ "/api/v2/version", version_get, NULL }, /* ours */
	{ "/api/v2/sign-quote", NULL, sign_quote_post },
	{ "/api/v2/monotonic-counter", NULL, monotonic_counter_post },
};
/* Version 1 takes raw bodies and stays served. */
static const struct route deprecated_routes[] = {
	{ "/status", status_get_v1, NULL },
	{ "/manifest", manifest_get_v1, manifest_post_v1 },
	{ "/quote", quote_get_v1, NULL },
	{ "/secrets", secrets_get_v1, secrets_post_v1 },
	{ "/recover", NULL, recover_post_v1 },
	{ "/update", update_get_v1, update_post_v1 },
	{ "/update-manifest", update_manifest_get_v1, update_manifest_post_v1 },
	{ "/update-cancel", NULL, update_cancel_post_v1 },
};

static const struct route *find(const struct route *table, size_t count, bytes path)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_equal_string(path, table[i].path))
			return &table[i];
	return NULL;
}

static void warn_once(const struct route *route)
{
	static atomic_flag warned[ARRAY_SIZE(deprecated_routes)];
	if (!atomic_flag_test_and_set(&warned[route - deprecated_routes]))
		log_warning("a client uses a deprecated endpoint; /api/v2 has the same",
			    LOG_TEXT_FIELD("path", route->path));
}

static const struct route *find_route(bytes path)
{
	const struct route *route = find(routes, ARRAY_SIZE(routes), path);
	if (route)
		return route;
	route = find(deprecated_routes, ARRAY_SIZE(deprecated_routes), path);
	if (route)
		warn_once(route);
	return route;
}

void client_api_handle(void *context, struct http_exchange *x)
{
	const struct client_api *api = context;
	const struct route *route = find_route(x->path);
	client_counts_request(api->counts, x, route ? route->path : NULL);
	if (!route) {
		jsend_error(x, error_new(ERROR_NOT_FOUND, "there is no such endpoint"));
		return;
	}
	resource_handler handler = bytes_equal_string(x->method, "GET")  ? route->get :
				   bytes_equal_string(x->method, "POST") ? route->post :
									   NULL;
	if (handler)
		handler(context, x);
	else
		jsend_method_not_allowed(x);
}
