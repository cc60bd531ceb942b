/* The handover format: what plane_policy_write writes, in one place with what reads it. */
#include "ttls/policy.h"

#include "base/reader.h"

static const char magic[] = "marblerun data plane 1";
enum { LIST_MAX = 4096 };

static void free_texts(char **texts, size_t count)
{
	for (size_t i = 0; texts && i < count; i++)
		free(texts[i]);
	free(texts);
}

static void free_secret_text(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void plane_policy_free(struct plane_policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		struct plane_rule *rule = &policy->rules[i];
		free(rule->address);
		free(rule->ca);
		free(rule->chain);
		free_secret_text(rule->key);
		free_texts(rule->peers, rule->peer_count);
	}
	free(policy->rules);
	free_texts(policy->resolvable, policy->resolvable_count);
	*policy = (struct plane_policy){ 0 };
}

static void write_text(struct writer *w, const char *text)
{
	write_u8(w, text != NULL);
	write_sized(w, bytes_of_string(text));
}

static void write_texts(struct writer *w, char *const *texts, size_t count)
{
	write_be32(w, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		write_text(w, texts[i]);
}

static void write_rule(struct writer *w, const struct plane_rule *rule)
{
	write_u8(w, rule->outgoing);
	write_text(w, rule->address);
	write_be16(w, rule->port);
	write_text(w, rule->ca);
	write_text(w, rule->chain);
	write_text(w, rule->key);
	write_u8(w, rule->client_auth);
	write_u8(w, rule->peers_given);
	write_texts(w, rule->peers, rule->peer_count);
}

void plane_policy_write(const struct plane_policy *policy, struct writer *w)
{
	write_string(w, magic);
	write_u8(w, policy->deny_unlisted);
	write_texts(w, policy->resolvable, policy->resolvable_count);
	write_be32(w, (uint32_t)policy->rule_count);
	for (size_t i = 0; i < policy->rule_count; i++)
		write_rule(w, &policy->rules[i]);
}

static error *read_text(struct reader *r, char **ret)
{
	bool there = read_u8(r);
	bytes text = read_view(r, read_be32(r));
	if (!there || r->failed)
		return NULL;
	char *copy = strndup((const char *)text.data, text.size);
	TRY_ALLOC(copy);
	*ret = copy;
	return NULL;
}

static error *read_texts(struct reader *r, char ***ret, size_t *ret_count)
{
	uint32_t count = read_be32(r);
	if (count > LIST_MAX)
		return error_new(ERROR_INVALID, "data plane: a list of %u entries", count);
	*ret = calloc(count + 1, sizeof **ret);
	TRY_ALLOC(*ret);
	*ret_count = count;
	for (uint32_t i = 0; i < count; i++)
		TRY(read_text(r, &(*ret)[i]));
	return NULL;
}

static error *read_rule(struct reader *r, struct plane_rule *rule)
{
	rule->outgoing = read_u8(r);
	TRY(read_text(r, &rule->address));
	rule->port = read_be16(r);
	TRY(read_text(r, &rule->ca));
	TRY(read_text(r, &rule->chain));
	TRY(read_text(r, &rule->key));
	rule->client_auth = read_u8(r);
	rule->peers_given = read_u8(r);
	TRY(read_texts(r, &rule->peers, &rule->peer_count));
	if (!r->failed && (!rule->ca || !rule->chain || !rule->key || (rule->outgoing && !rule->address)))
		return error_new(ERROR_INVALID, "data plane: an entry without certificate or address");
	return NULL;
}

error *plane_policy_read(bytes from, struct plane_policy *ret)
{
	CLEANUP(plane_policy_free) struct plane_policy policy = { 0 };
	struct reader r = reader_of(from);
	if (!bytes_equal_string(read_view(&r, sizeof magic - 1), magic))
		return error_new(ERROR_INVALID, "data plane: not a handover of this version");
	policy.deny_unlisted = read_u8(&r);
	TRY(read_texts(&r, &policy.resolvable, &policy.resolvable_count));
	uint32_t count = read_be32(&r);
	if (count > LIST_MAX)
		return error_new(ERROR_INVALID, "data plane: %u entries", count);
	policy.rules = calloc(count + 1, sizeof *policy.rules);
	TRY_ALLOC(policy.rules);
	policy.rule_count = count;
	for (uint32_t i = 0; i < count; i++)
		TRY(read_rule(&r, &policy.rules[i]));
	TRY(reader_finish(&r, "data plane"));
	*ret = policy;
	policy = (struct plane_policy){ 0 };
	return NULL;
}
