#include "client_api/client_api_internal.h"

static void answer(struct client_api *api, struct http_exchange *x, const char *code_name,
		   const char *message_name)
{
	CLEANUP(mesh_release) struct mesh *mesh = coordinator_mesh(api->coordinator);
	CLEANUP(writer_free) struct writer data = { 0 };
	write_string(&data, "{");
	write_name(&data, code_name);
	write_format(&data, "%d", (int)mesh->state);
	write_string_member(&data, message_name, bytes_of_string(mesh_status_text(mesh)));
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}

void status_get(struct client_api *api, struct http_exchange *x)
{
	answer(api, x, "code", "message");
}

void status_get_v1(struct client_api *api, struct http_exchange *x)
{
	answer(api, x, "StatusCode", "StatusMessage");
}
