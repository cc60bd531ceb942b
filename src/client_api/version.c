#include "base/version.h"
#include "client_api/client_api_internal.h"

void version_get(struct client_api *api, struct http_exchange *x)
{
	(void)api;
	CLEANUP(writer_free) struct writer data = { 0 };
	write_string(&data, "{");
	write_string_member(&data, "version", bytes_of_string(version_number));
	write_string_member(&data, "commit", bytes_of_string(version_commit));
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}
