/* From MARBLE_TTLS_CONFIG to the policy: only the launcher does this. */
#include "codec/json.h"
#include "ttls/policy.h"

static error *take_text(json_t *object, const char *where, const char *name, char **ret)
{
	json_t *text = json_object_get(object, name);
	if (!json_is_string(text) || !json_string_length(text))
		return error_new(ERROR_INVALID, "%s: \"%s\" is missing", where, name);
	bytes value = json_bytes(text);
	if (memchr(value.data, 0, value.size))
		return error_new(ERROR_INVALID, "%s: \"%s\" holds a NUL", where, name);
	*ret = strndup((const char *)value.data, value.size);
	TRY_ALLOC(*ret);
	return NULL;
}

static error *take_texts(json_t *list, const char *where, char ***ret, size_t *ret_count)
{
	if (!json_is_array(list))
		return error_new(ERROR_INVALID, "%s: a list is expected, not %s", where, json_type_name(list));
	size_t count = json_array_size(list);
	*ret = calloc(count + 1, sizeof **ret);
	TRY_ALLOC(*ret);
	for (; *ret_count < count; (*ret_count)++) {
		bytes value = json_bytes(json_array_get(list, *ret_count));
		if (!value.size || memchr(value.data, 0, value.size))
			return error_new(ERROR_INVALID, "%s: texts are expected", where);
		(*ret)[*ret_count] = strndup((const char *)value.data, value.size);
		TRY_ALLOC((*ret)[*ret_count]);
	}
	return NULL;
}

static error *take_flag(json_t *object, const char *where, const char *name, bool missing, bool *ret)
{
	json_t *flag = json_object_get(object, name);
	if (flag && !json_is_boolean(flag))
		return error_new(ERROR_INVALID, "%s: \"%s\" is not true or false", where, name);
	*ret = flag ? json_is_true(flag) : missing;
	return NULL;
}

/* "address:port", "[address]:port" or "*:port". */
static error *take_place(const char *place, struct plane_rule *rule)
{
	const char *colon = strrchr(place, ':');
	char *end = NULL;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
	if (!colon || colon == place || colon[1] < '0' || colon[1] > '9' || *end || !port || port > UINT16_MAX)
		return error_new(ERROR_INVALID, "MARBLE_TTLS_CONFIG: \"%s\": address:port is expected", place);
	rule->port = (uint16_t)port;
	size_t size = (size_t)(colon - place);
	if (*place == '[' && place[size - 1] == ']') {
		place++;
		size -= 2;
	}
	if (!rule->outgoing && (size != 1 || *place != '*'))
		return error_new(ERROR_INVALID, "MARBLE_TTLS_CONFIG: \"%s\": *:port is expected", place);
	if (rule->outgoing) {
		rule->address = strndup(place, size);
		TRY_ALLOC(rule->address);
	}
	return NULL;
}

static error *take_rule(const char *place, json_t *entry, struct plane_rule *rule)
{
	TRY(take_place(place, rule));
	TRY(take_text(entry, place, "cacrt", &rule->ca));
	TRY(take_text(entry, place, "clicrt", &rule->chain));
	TRY(take_text(entry, place, "clikey", &rule->key));
	if (!rule->outgoing)
		TRY(take_flag(entry, place, "clientAuth", true, &rule->client_auth));
	json_t *peers = json_object_get(entry, rule->outgoing ? "expectedMarbles" : "allowedMarbles");
	if (!peers)
		return NULL;
	if (!rule->outgoing && !rule->client_auth)
		return error_new(ERROR_INVALID, "%s: allowedMarbles without clientAuth", place);
	rule->peers_given = true;
	return take_texts(peers, place, &rule->peers, &rule->peer_count);
}

static error *take_direction(json_t *tls, bool outgoing, struct plane_policy *policy)
{
	const char *place, *name = outgoing ? "Outgoing" : "Incoming";
	json_t *entries = json_object_get(tls, name), *entry;
	if (!entries)
		return NULL;
	if (!json_is_object(entries))
		return error_new(ERROR_INVALID, "MARBLE_TTLS_CONFIG: \"%s\" is no object", name);
	json_object_foreach(entries, place, entry) {
		struct plane_rule *rule = &policy->rules[policy->rule_count++];
		rule->outgoing = outgoing;
		TRY_CTX(take_rule(place, entry, rule), "MARBLE_TTLS_CONFIG");
	}
	return NULL;
}

error *plane_policy_of_config(bytes text, struct plane_policy *ret)
{
	CLEANUP(plane_policy_free) struct plane_policy policy = { 0 };
	CLEANUP_JSON json_t *config = NULL;
	TRY(json_parse(text, "MARBLE_TTLS_CONFIG", &config));
	json_t *tls = json_object_get(config, "tls");
	if (!json_is_object(tls))
		return error_new(ERROR_INVALID, "MARBLE_TTLS_CONFIG: an object {\"tls\": {…}} is expected");
	size_t most = json_object_size(json_object_get(tls, "Outgoing")) +
		      json_object_size(json_object_get(tls, "Incoming"));
	policy.rules = calloc(most + 1, sizeof *policy.rules);
	TRY_ALLOC(policy.rules);
	TRY(take_direction(tls, true, &policy));
	TRY(take_direction(tls, false, &policy));
	TRY(take_flag(tls, "MARBLE_TTLS_CONFIG", "denyUnlisted", false, &policy.deny_unlisted));
	json_t *names = json_object_get(tls, "resolvableNames");
	if (names)
		TRY(take_texts(names, "MARBLE_TTLS_CONFIG: resolvableNames", &policy.resolvable,
			       &policy.resolvable_count));
	*ret = policy;
	policy = (struct plane_policy){ 0 };
	return NULL;
}
