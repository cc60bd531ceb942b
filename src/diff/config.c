/* Config. */
#include "access/access.h"
#include "diff/diff_internal.h"

static const struct manifest_config *config_of(const void *m)
{
	return &((const struct manifest *)m)->config;
}

static error *describe_seal_mode(const struct subject *s, const void *old, const void *new)
{
	static const char *const names[] = { "ProductKey", "UniqueKey", "Disabled" };
	enum seal_mode a = config_of(old)->seal_mode, b = config_of(new)->seal_mode;
	return diff_value(s, a == SEAL_UNIQUE_KEY && b == SEAL_PRODUCT_KEY ? DIFF_WEAKENS : DIFF_NOTICE, "SealMode",
			  names[a], names[b]);
}

static error *describe_features(const struct subject *s, const void *old, const void *new)
{
	static const char *const names[] = { "SignQuoteEndpoint", "MonotonicCounter", "AzureHSMSealing" };
	unsigned a = config_of(old)->features, b = config_of(new)->features;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if ((a ^ b) >> i & 1)
			TRY(diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "FeatureGates: %s is switched %s.", names[i],
				     b >> i & 1 ? "on" : "off"));
	return NULL;
}

static uint64_t needed_to_update(const struct manifest *m)
{
	uint64_t may = 0;
	for (size_t i = 0; i < m->user_count; i++) {
		error *e = access_check(m, &m->users[i], ACTION_UPDATE_MANIFEST, NULL);
		may += !e;
		error_free(e);
	}
	return m->config.update_threshold ? m->config.update_threshold : may;
}

/* The number that counts also changes with the users, when the threshold is 0, which means all. */
static error *describe_update_threshold(const struct subject *s, const void *old, const void *new)
{
	const struct manifest *a = old, *b = new;
	uint64_t before = needed_to_update(a), after = needed_to_update(b);
	TRY(diff_value(s, DIFF_INFO, "UpdateThreshold", number_text(s->d, a->config.update_threshold),
		       number_text(s->d, b->config.update_threshold)));
	if (before == after)
		return NULL;
	if (!after)
		return diff_add(s, DIFF_CHANGED, DIFF_NOTICE, "Nobody can update the manifest any more.");
	return diff_add(s, DIFF_CHANGED, after < before ? DIFF_WEAKENS : DIFF_NOTICE,
			"The updates after this one need %llu acknowledgment%s instead of %llu.",
			(unsigned long long)after, after == 1 ? "" : "s", (unsigned long long)before);
}

static error *describe_recovery_threshold(const struct subject *s, const void *old, const void *new)
{
	return diff_value(s, DIFF_INFO, "RecoveryThreshold", number_text(s->d, config_of(old)->recovery_threshold),
			  number_text(s->d, config_of(new)->recovery_threshold));
}

static error *describe_rotation(const struct subject *s, const void *old, const void *new)
{
	bool a = config_of(old)->rotate_root_secret, b = config_of(new)->rotate_root_secret;
	return diff_value(s, DIFF_NOTICE, "RotateRootSecret", a ? "true" : "false", b ? "true" : "false");
}

static error *describe_key_type(const struct subject *s, const void *old, const void *new)
{
	static const char *const names[] = { "P-256", "P-384" };
	enum key_type a = config_of(old)->key_type, b = config_of(new)->key_type;
	return diff_value(s, b < a ? DIFF_WEAKENS : DIFF_NOTICE, "KeyType", names[a], names[b]);
}

static error *describe_stop(const struct subject *s, const void *old, const void *new)
{
	bool a = config_of(old)->stop_on_rollback, b = config_of(new)->stop_on_rollback;
	if (a == b)
		return NULL;
	return diff_add(s, DIFF_CHANGED, b ? DIFF_NOTICE : DIFF_WEAKENS, "StopOnRollback: a coordinator whose state "
			"was rolled back %s.", b ? "admits no marbles" : "goes on");
}

error *diff_config(struct diffing *d)
{
	static const struct described properties[] = {
		{ "SealMode", describe_seal_mode },
		{ "FeatureGates", describe_features },
		{ "UpdateThreshold", describe_update_threshold },
		{ "RecoveryThreshold", describe_recovery_threshold },
		{ "RotateRootSecret", describe_rotation },
		{ "KeyType", describe_key_type },
		{ "StopOnRollback", describe_stop },
	};
	struct subject s = { .d = d, .section = "Config", .name = "" };
	return diff_properties(&s, d->from, d->to, properties, ARRAY_SIZE(properties));
}
