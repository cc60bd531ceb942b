/* The resources: one file each. Every function ends its exchange. */
#pragma once
#include "client_api/client_api.h"
#include "client_api/jsend.h"

typedef void (*resource_handler)(struct client_api *api, struct http_exchange *x);

void status_get(struct client_api *api, struct http_exchange *x);
void status_get_v1(struct client_api *api, struct http_exchange *x);
void manifest_get(struct client_api *api, struct http_exchange *x);
void manifest_get_v1(struct client_api *api, struct http_exchange *x);
void manifest_post(struct client_api *api, struct http_exchange *x);
void manifest_post_v1(struct client_api *api, struct http_exchange *x);
void quote_get(struct client_api *api, struct http_exchange *x);
void update_get(struct client_api *api, struct http_exchange *x);
void update_get_v1(struct client_api *api, struct http_exchange *x);
void update_post(struct client_api *api, struct http_exchange *x);
void update_post_v1(struct client_api *api, struct http_exchange *x);
void update_manifest_get(struct client_api *api, struct http_exchange *x);
void update_manifest_get_v1(struct client_api *api, struct http_exchange *x);
void update_manifest_post(struct client_api *api, struct http_exchange *x);
void update_manifest_post_v1(struct client_api *api, struct http_exchange *x);
void manifest_diff_get(struct client_api *api, struct http_exchange *x);
void manifest_diff_post(struct client_api *api, struct http_exchange *x);
void update_cancel_post(struct client_api *api, struct http_exchange *x);
void update_cancel_post_v1(struct client_api *api, struct http_exchange *x);
void secrets_get(struct client_api *api, struct http_exchange *x);
void secrets_get_v1(struct client_api *api, struct http_exchange *x);
void secrets_post(struct client_api *api, struct http_exchange *x);
void secrets_post_v1(struct client_api *api, struct http_exchange *x);
void recover_post(struct client_api *api, struct http_exchange *x);
void recover_post_v1(struct client_api *api, struct http_exchange *x);
void recovery_public_key_get(struct client_api *api, struct http_exchange *x);
void log_get(struct client_api *api, struct http_exchange *x);
void sign_quote_post(struct client_api *api, struct http_exchange *x);
void monotonic_counter_post(struct client_api *api, struct http_exchange *x);
void quote_get_v1(struct client_api *api, struct http_exchange *x);
void version_get(struct client_api *api, struct http_exchange *x);
