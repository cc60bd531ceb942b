#include "secrets/generate.h"

#include "secrets/profile.h"

enum { SECONDS_PER_DAY = 86400, VALID_DAYS_DEFAULT = 365 };
/* Certificates end in the year 9999 at the latest; 7900 years from now are well before. */
enum { VALID_DAYS_MAX = 7900 * 365 };

bool secret_is_slow(const struct secret_definition *definition)
{
	return definition->type == SECRET_CERT_RSA && !definition->user_defined;
}

/* RFC 5869 section 2.3: at most 255 blocks of SHA-256 can be derived. */
static error *check_symmetric(const struct secret_definition *d)
{
	uint64_t most = d->shared ? SYMMETRIC_BITS_MAX : DERIVED_BITS_MAX;
	if (d->size == 0 || d->size % 8 || d->size > most)
		return error_new(ERROR_INVALID, "Size: %llu bits: a multiple of 8 from 8 to %llu expected",
				 (unsigned long long)d->size, (unsigned long long)most);
	return NULL;
}

/* The kind of the key, or a refusal of its size. */
static error *certificate_key(const struct secret_definition *d, enum key_kind *ret)
{
	unsigned long long size = d->size;
	switch (d->type) {
	case SECRET_CERT_RSA:
		*ret = KEY_RSA;
		if (size >= RSA_BITS_MIN && size <= RSA_BITS_MAX)
			return NULL;
		return error_new(ERROR_INVALID, "Size: %llu bits: %d to %d expected for RSA", size,
				 RSA_BITS_MIN, RSA_BITS_MAX);
	case SECRET_CERT_ED25519:
		*ret = KEY_ED25519;
		if (size == 0)
			return NULL;
		return error_new(ERROR_INVALID, "Size: %llu bits: none expected for Ed25519", size);
	default:
		*ret = size == 224 ? KEY_P224 : size == 256 ? KEY_P256 : size == 384 ? KEY_P384 : KEY_P521;
		if (size == 224 || size == 256 || size == 384 || size == 521)
			return NULL;
		return error_new(ERROR_INVALID,
				 "Size: %llu bits: 224, 256, 384 or 521 expected for ECDSA", size);
	}
}

/* Whether the end of validity is said once: in the "Cert" object, as the definition's own field
 * (which the manifest's parser may have filled from there), or by a number of days. */
static error *check_validity(const struct secret_definition *d, const struct profile *profile)
{
	if (d->valid_for && (d->has_not_after || profile->has_not_after))
		return error_new(ERROR_INVALID, "ValidFor and Cert.NotAfter: only one of them expected");
	if (d->valid_for > VALID_DAYS_MAX)
		return error_new(ERROR_INVALID, "ValidFor: %llu days: at most %d expected",
				 (unsigned long long)d->valid_for, VALID_DAYS_MAX);
	return NULL;
}

/* All that can be refused without making a key. */
static error *plan_certificate(const struct secret_definition *d, enum key_kind *ret_kind,
			       struct profile *ret)
{
	CLEANUP(profile_free) struct profile profile = { 0 };
	TRY(certificate_key(d, ret_kind));
	TRY_CTX(profile_parse(d->cert, &profile), "Cert");
	TRY(check_validity(d, &profile));
	*ret = profile;
	profile = (struct profile){ 0 };
	return NULL;
}

error *secret_definition_check(const struct secret_definition *d)
{
	CLEANUP(profile_free) struct profile profile = { 0 };
	enum key_kind kind;
	if (d->user_defined)
		return NULL;
	switch (d->type) {
	case SECRET_PLAIN:
		return error_new(ERROR_INVALID, "Type: plain secrets are never generated: UserDefined "
				 "expected");
	case SECRET_SYMMETRIC_KEY:
		return check_symmetric(d);
	default:
		return plan_certificate(d, &kind, &profile);
	}
}

static error *end_of_validity(const struct secret_definition *d, const struct profile *profile,
			      int64_t now, int64_t *ret)
{
	int64_t days = d->valid_for ? (int64_t)d->valid_for : VALID_DAYS_DEFAULT;
	bool fixed = profile->has_not_after || d->has_not_after;
	int64_t end = profile->has_not_after ? profile->not_after : d->not_after;
	if (!fixed && __builtin_add_overflow(now, days * SECONDS_PER_DAY, &end))
		return error_new(ERROR_INVALID, "the clock is outside the years 1970 to 9999");
	if (end <= now)
		return error_new(ERROR_INVALID, "Cert: NotAfter has passed");
	*ret = end;
	return NULL;
}

static error *make_certificate(const struct secret_definition *d, const struct profile *profile,
			       EVP_PKEY *key, const struct ca *ca, int64_t now, struct blob *ret)
{
	CLEANUP(draft_free) struct draft draft = { 0 };
	int64_t end = 0;
	TRY(end_of_validity(d, profile, now, &end));
	TRY(draft_init(&draft, key, now - CLOCK_TOLERANCE_S, end));
	TRY(profile_apply(profile, &draft));
	return draft_sign(&draft, ca->marble_root, ca->intermediate_key, profile->digest, ret);
}

static error *generate_certificate(const struct secret_definition *d, const struct ca *ca, int64_t now,
				   struct secret_value *ret)
{
	CLEANUP(profile_free) struct profile profile = { 0 };
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
	enum key_kind kind;
	TRY(plan_certificate(d, &kind, &profile));
	TRY(key_generate(kind, (unsigned)d->size, &key));
	TRY(key_private_der(key, &ret->private_part));
	TRY(key_public_der(key, &ret->public_part));
	return make_certificate(d, &profile, key, ca, now, &ret->certificate);
}

error *secret_generate(const struct secret_definition *d, const struct ca *ca, int64_t now,
		       struct secret_value *ret)
{
	CLEANUP(secret_value_free) struct secret_value v = { .definition = d, .is_set = true };
	if (d->user_defined)
		return error_new(ERROR_INTERNAL, "%s: user-defined secrets are not generated", d->name);
	switch (d->type) {
	case SECRET_PLAIN:
		return secret_definition_check(d);
	case SECRET_SYMMETRIC_KEY:
		TRY(check_symmetric(d));
		TRY(secret_random(d->size / 8, &v.private_part));
		break;
	default:
		TRY(generate_certificate(d, ca, now, &v));
	}
	*ret = v;
	v = (struct secret_value){ 0 };
	return NULL;
}
