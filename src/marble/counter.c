/* Monotonic counters, which the coordinator keeps for marbles. */
#include "marble/counter.h"

#include "codec/json.h"
#include "marble/marble.h"
#include "marble/quiet_pipe.h"
#include "marble/reason.h"
#include "net/address.h"
#include "net/grpc.h"

enum { COUNTER_NAME_MAX = 1024, ANSWER_MAX = 64 << 10, TIMEOUT_S = 15 };
static const char address_name[] = "EDG_COORDINATOR_CLIENT_ADDR";

error *counter_request(const char *name, uint64_t value, struct writer *ret)
{
	bytes text = bytes_of_string(name);
	/* jansson takes UTF-8 only. */
	CLEANUP_JSON json_t *valid = text.size ? json_stringn(name, text.size) : NULL;
	if (!valid || text.size > COUNTER_NAME_MAX)
		return error_new(ERROR_INVALID, "name of the counter: 1 to %d bytes of UTF-8 are expected",
				 COUNTER_NAME_MAX);
	if (value > INT64_MAX)
		return error_new(ERROR_INVALID, "value of the counter: at most 2^63 - 1 is expected");
	write_string(ret, "{\"name\":");
	write_json_string(ret, text);
	write_format(ret, ",\"value\":%llu}", (unsigned long long)value);
	return writer_check(ret, "the request");
}

static error *refusal(int status, json_t *answer)
{
	bytes message = json_bytes(json_member(answer, "message"));
	enum error_code code = status == 503 ? ERROR_UNAVAILABLE : ERROR_DENIED;
	if (!message.size)
		return error_new(code, "the coordinator answered with HTTP status %d", status);
	return error_new(code, "the coordinator refused: %.*s", (int)bytes_slice(message, 0, 400).size,
			 (const char *)message.data);
}

error *counter_answer(int status, bytes body, uint64_t *ret_previous)
{
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP(error_free) error *e = json_parse(body, "the coordinator's answer", &answer);
	if (status != 200)
		return refusal(status, answer);
	if (e)
		return TAKE(e);
	json_t *value = json_member(json_member(answer, "data"), "value");
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return error_new(ERROR_INTERNAL, "the coordinator's answer has no \"value\" that is a number");
	*ret_previous = (uint64_t)json_integer_value(value);
	return NULL;
}

static error *find_address(const char *given, const char **ret)
{
	char host[256], port[8];
	const char *where = given ? given : getenv(address_name);
	if (!where || !*where)
		return error_new(ERROR_INVALID, "where the coordinator's client API is, is not known: an address or "
				 "%s=host:port is expected", address_name);
	TRY_CTX(address_split(where, host, port), "address of the coordinator's client API%s%s",
		given ? "" : " in ", given ? "" : address_name);
	if (!*host)
		return error_new(ERROR_INVALID, "\"%s\": host:port is expected for the coordinator's client API",
				 where);
	*ret = where;
	return NULL;
}

/* The client API is served with the coordinator's root certificate itself. */
static error *raise_counter(const marblerun_marble *m, const char *address, const char *name, uint64_t value,
			    uint64_t *ret_previous)
{
	CLEANUP(writer_free) struct writer body = { 0 };
	CLEANUP(grpc_client_free) struct grpc_client *client = NULL;
	CLEANUP(blob_free) struct blob answer = { 0 };
	int status;
	struct grpc_client_options options = {
		.certificate = m->chain[0],
		.key = m->key,
		.pinned = m->coordinator_root,
		.response_bytes = ANSWER_MAX,
		.timeout_s = TIMEOUT_S,
	};
	TRY(find_address(address, &options.address));
	TRY(counter_request(name, value, &body));
	TRY_CTX(grpc_client_connect(&options, &client), "the coordinator's client API at %s", options.address);
	TRY_CTX(grpc_client_post(client, "/api/v2/monotonic-counter", "application/json", writer_view(&body), &status,
				 &answer), "the coordinator's client API at %s", options.address);
	return counter_answer(status, blob_view(&answer), ret_previous);
}

int marblerun_counter_raise(const marblerun_marble *marble, const char *address, const char *name, uint64_t value,
			    uint64_t *ret_previous, char reason[MARBLERUN_REASON_SIZE])
{
	struct quiet_pipe quiet = quiet_pipe_begin();
	error *e = raise_counter(marble, address, name, value, ret_previous);
	quiet_pipe_end(&quiet);
	bool again = e && error_code(e) == ERROR_UNAVAILABLE;
	return reason_of_error(e, reason) ? 1 + again : 0;
}
