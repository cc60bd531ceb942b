/* Secrets that users read and write. */
#include "base/clock.h"
#include "base/log.h"
#include "client_api/body.h"
#include "client_api/job.h"
#include "codec/base64.h"
#include "coordinator/people.h"

enum { NAMES_MAX = 1000 };

static void write_bytes_or_null(struct writer *w, const char *name, bytes value)
{
	if (value.size) {
		write_base64_member(w, name, value);
		return;
	}
	write_name(w, name);
	write_string(w, "null");
}

/* A secret as public clients know it: its definition and its value. */
static void write_secret(struct writer *w, const struct secret_value *v)
{
	const struct secret_definition *d = v->definition;
	bool pair = d->type >= SECRET_CERT_RSA;
	write_string(w, "{");
	write_string_member(w, "Type", bytes_of_string(secret_type_name(d->type)));
	write_name(w, "Size");
	write_format(w, "%llu", (unsigned long long)d->size);
	write_name(w, "Shared");
	write_string(w, d->shared ? "true" : "false");
	write_name(w, "UserDefined");
	write_string(w, d->user_defined ? "true" : "false");
	write_bytes_or_null(w, "Cert", blob_view(&v->certificate));
	write_name(w, "ValidFor");
	write_format(w, "%llu", (unsigned long long)d->valid_for);
	write_bytes_or_null(w, "Private", secret_view(&v->private_part));
	write_bytes_or_null(w, "Public", pair ? blob_view(&v->public_part) : secret_view(&v->private_part));
	write_string(w, "}");
}

static error *read_names(struct http_exchange *x, const char ***ret, size_t *ret_count)
{
	const char **names = arena_alloc(&x->arena, NAMES_MAX, sizeof *names);
	size_t count = 0;
	bytes value;
	bool found;
	TRY_ALLOC(names);
	for (;; count++) {
		TRY(http_query(x, "s", count, &value, &found));
		if (!found)
			break;
		if (!value.size || memchr(value.data, 0, value.size) || count == NAMES_MAX)
			return error_new(ERROR_INVALID, "invalid query: s must be the name of a secret, at most "
					 "%d times", NAMES_MAX);
		names[count] = arena_string(&x->arena, value);
		TRY_ALLOC(names[count]);
	}
	if (!count)
		return error_new(ERROR_INVALID, "invalid query: ?s=NAME is missing, once for each secret");
	*ret = names;
	*ret_count = count;
	return NULL;
}

static void write_secrets(struct writer *w, const struct mesh *mesh, const char *const *names, size_t count)
{
	size_t index;
	write_string(w, "{");
	for (size_t i = 0; i < count; i++) {
		bool again = false;
		for (size_t k = 0; k < i && !again; k++)
			again = strcmp(names[k], names[i]) == 0;
		if (again || !secret_set_find(&mesh->secrets, bytes_of_string(names[i]), &index))
			continue;
		write_string(w, w->data[w->size - 1] == '{' ? "" : ",");
		write_json_string(w, bytes_of_string(names[i]));
		write_string(w, ":");
		write_secret(w, &mesh->secrets.values[index]);
	}
	write_string(w, "}");
}

static error *read_secrets(struct client_api *api, struct http_exchange *x, struct writer *to)
{
	CLEANUP(mesh_release) struct mesh *mesh = NULL;
	const char **names = NULL;
	size_t count = 0;
	/* Who it is comes first: nobody else is told anything about the query. */
	TRY(coordinator_read_secrets(api->coordinator, x->peer_certificate, NULL, 0, 0, NULL));
	TRY(read_names(x, &names, &count));
	TRY(coordinator_read_secrets(api->coordinator, x->peer_certificate, names, count, clock_now(), &mesh));
	write_secrets(to, mesh, names, count);
	return NULL;
}

static void get(struct client_api *api, struct http_exchange *x, bool v2)
{
	CLEANUP(writer_free) struct writer data = { .secret = true };
	write_string(&data, v2 ? "{\"secrets\":" : "");
	error *e = read_secrets(api, x, &data);
	write_string(&data, v2 ? "}" : "");
	if (e)
		jsend_error(x, e);
	else
		jsend_success(x, writer_view(&data));
}

static void get_v2(struct client_api *api, struct http_exchange *x)
{
	get(api, x, true);
}

static void get_v1(struct client_api *api, struct http_exchange *x)
{
	get(api, x, false);
}

void secrets_get(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_FAST, get_v2);
}

void secrets_get_v1(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_FAST, get_v1);
}

static error *write_uploads(struct client_api *api, struct http_exchange *x, bool v2)
{
	CLEANUP_JSON json_t *body = NULL;
	TRY(body_object(x, "{name: secret}", &body));
	return coordinator_write_secrets(api->coordinator, x->peer_certificate,
					 v2 ? json_member(body, "secrets") : body, clock_now());
}

static void post(struct client_api *api, struct http_exchange *x, bool v2)
{
	error *e = write_uploads(api, x, v2);
	if (e) {
		log_warning("secrets refused", LOG_ERROR_FIELD(e));
		jsend_error(x, e);
		return;
	}
	log_info("secrets set");
	jsend_success(x, bytes_of_string("null"));
}

static void post_v2(struct client_api *api, struct http_exchange *x)
{
	post(api, x, true);
}

static void post_v1(struct client_api *api, struct http_exchange *x)
{
	post(api, x, false);
}

void secrets_post(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, post_v2);
}

void secrets_post_v1(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_SLOW, post_v1);
}
