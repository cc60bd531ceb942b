#include "manifest/package.h"

#include "codec/hex.h"
#include "manifest/parse.h"

static const tcb_status_set default_tcb_statuses = 1u << MARBLERUN_TCB_UP_TO_DATE |
						   1u << MARBLERUN_TCB_SW_HARDENING_NEEDED;

/* "<replace with mrenclave …>": public samples say so where a person has to fill in a value. It stays,
 * and no evidence ever satisfies it. */
static bool is_placeholder(const char *text)
{
	size_t length = strlen(text);
	return length >= 2 && text[0] == '<' && text[length - 1] == '>';
}

/* The empty text is "not given", as in Go. */
static error *decode_id(json_t *value, const struct place *at, struct arena *arena,
			struct package *p, bool *has, uint8_t id[32])
{
	const char *text;
	TRY(decode_string(value, at, arena, &text));
	if (!*text)
		return NULL;
	*has = true;
	if (is_placeholder(text)) {
		p->placeholder = text;
		return NULL;
	}
	error *malformed = hex_decode_into(bytes_of_string(text), at->name, id, 32);
	error_free(malformed);
	return malformed ? refuse(at, "\"%s\": 64 hexadecimal digits expected", shown(text).text) : NULL;
}

static error *decode_unique_id(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	struct package *p = to;
	return decode_id(value, at, arena, p, &p->has_unique_id, p->unique_id);
}

static error *decode_signer_id(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	struct package *p = to;
	return decode_id(value, at, arena, p, &p->has_signer_id, p->signer_id);
}

static error *decode_product_id(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	struct package *p = to;
	p->has_product_id = true;
	return decode_unsigned(value, at, arena, &p->product_id);
}

static error *decode_security_version(json_t *value, const struct place *at, struct arena *arena,
				      void *to)
{
	struct package *p = to;
	p->has_security_version = true;
	return decode_unsigned(value, at, arena, &p->security_version);
}

error *decode_status_set(json_t *value, const struct place *at, struct arena *arena, tcb_status_set *ret,
			 size_t *ret_count)
{
	struct string_list names;
	tcb_status_set accepted = 0;
	TRY(decode_strings(value, at, arena, &names));
	for (size_t i = 0; i < names.count; i++) {
		enum marblerun_tcb_status status = marblerun_tcb_status_of_name(names.items[i]);
		if (status == MARBLERUN_TCB_UNKNOWN)
			return refuse(at, "\"%s\" is no TCB status: one of Intel's names expected, such as "
				      "%s or %s", shown(names.items[i]).text,
				      marblerun_tcb_status_name(MARBLERUN_TCB_UP_TO_DATE),
				      marblerun_tcb_status_name(MARBLERUN_TCB_CONFIGURATION_NEEDED));
		accepted |= 1u << status;
	}
	*ret = accepted;
	*ret_count = names.count;
	return NULL;
}

static error *decode_statuses(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	struct package *p = to;
	tcb_status_set accepted;
	size_t count;
	TRY(decode_status_set(value, at, arena, &accepted, &count));
	p->has_accepted_tcb_statuses = count > 0;
	if (count)
		p->accepted_tcb_statuses = accepted;
	return NULL;
}

static const struct property properties[] = {
	{ "UniqueID", 0, decode_unique_id },
	{ "SignerID", 0, decode_signer_id },
	{ "ProductID", 0, decode_product_id },
	{ "SecurityVersion", 0, decode_security_version },
	PROPERTY("Debug", struct package, debug, decode_boolean),
	{ "AcceptedTCBStatuses", 0, decode_statuses },
	PROPERTY("AcceptedAdvisories", struct package, accepted_advisories, decode_strings),
	PROPERTY("TDX", struct package, tdx, decode_tdx),
	PROPERTY("SNP", struct package, snp, decode_snp),
};

error *decode_package(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	struct package *p = to;
	p->accepted_tcb_statuses = default_tcb_statuses;
	return decode_object(value, at, properties, ARRAY_SIZE(properties), arena, p);
}

error *package_parse(json_t *object, const char *where, struct arena *arena, struct package *ret)
{
	struct place at = { NULL, where, 0 };
	struct package package = { .name = where };
	TRY(expect_type(json_is_object(object), object, &at, "object"));
	TRY(decode_package(object, &at, arena, &package));
	*ret = package;
	return NULL;
}

/* Public documentation, "Packages". With Debug anything goes, also nothing: what a debug enclave
 * holds is not confidential anyway. */
error *package_check(const struct package *p, const struct place *at)
{
	if (p->debug)
		return NULL;
	if (p->placeholder)
		return refuse(at, "\"%s\" is a placeholder: 64 hexadecimal digits expected",
			      shown(p->placeholder).text);
	if (p->has_unique_id && (p->has_signer_id || p->has_product_id || p->has_security_version))
		return refuse(at, "either UniqueID, or SignerID with ProductID and SecurityVersion "
			      "expected, both found");
	bool sgx = p->has_unique_id || p->has_signer_id || p->has_product_id || p->has_security_version;
	if (!sgx && (p->tdx.given || p->snp.given)) /* for other TEEs only */
		return NULL;
	if (p->has_unique_id || (p->has_signer_id && p->has_product_id && p->has_security_version))
		return NULL;
	return refuse(at, "%s is missing: UniqueID, or SignerID with ProductID and SecurityVersion "
		      "expected", !p->has_signer_id ? "SignerID" : !p->has_product_id ? "ProductID" :
		      "SecurityVersion");
}
