/* Packages, as they stand in a manifest and in an --era-config file. */
#include "codec/hex.h"
#include "manifest/decode.h"
#include "manifest/parse.h"

/* 32 bytes in hex; the empty string is "not given", as in Go. Public samples have a text in its place
 * ("<replace with …>"), which fits no evidence; only debug packages may (check.c). */
static error *decode_id(json_t *value, const struct place *at, struct arena *arena,
			struct package *p, bool *has, uint8_t id[32])
{
	const char *text;
	TRY(decode_string(value, at, arena, &text));
	if (!*text)
		return NULL;
	error *e = hex_decode_into(bytes_of_string(text), at->name, id, 32);
	if (e)
		p->placeholder = text;
	error_free(e);
	*has = true;
	return NULL;
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
	(void)arena;
	p->has_product_id = true;
	return decode_unsigned(value, at, UINT64_MAX, &p->product_id);
}

static error *decode_security_version(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	struct package *p = to;
	(void)arena;
	p->has_security_version = true;
	return decode_unsigned(value, at, UINT64_MAX, &p->security_version);
}

static error *decode_debug(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	(void)arena;
	return decode_bool(value, at, &((struct package *)to)->debug);
}

static error *decode_statuses(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	struct package *p = to;
	struct string_list names;
	tcb_status_set accepted = 0;
	TRY(decode_strings(value, at, arena, &names));
	for (size_t i = 0; i < names.count; i++) {
		enum marblerun_tcb_status status = marblerun_tcb_status_of_name(names.items[i]);
		if (status == MARBLERUN_TCB_UNKNOWN)
			return refuse(at, "\"%s\" is no TCB status; UpToDate, SWHardeningNeeded, "
				      "ConfigurationNeeded, … are", names.items[i]);
		accepted |= (tcb_status_set)1 << status;
	}
	if (!names.count)
		return NULL; /* as if not given */
	p->accepted_tcb_statuses = accepted;
	p->has_accepted_tcb_statuses = true;
	return NULL;
}

static error *decode_advisories(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	return decode_strings(value, at, arena, &((struct package *)to)->accepted_advisories);
}

/* Other TEEs' properties restrict; until they are enforced, nobody may believe they are. */
static error *decode_other_tee(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	(void)value, (void)arena, (void)to;
	return refuse(at, "packages for this TEE are not supported yet");
}

static const struct property properties[] = {
	{ "UniqueID", decode_unique_id },
	{ "SignerID", decode_signer_id },
	{ "ProductID", decode_product_id },
	{ "SecurityVersion", decode_security_version },
	{ "Debug", decode_debug },
	{ "AcceptedTCBStatuses", decode_statuses },
	{ "AcceptedAdvisories", decode_advisories },
	{ "TDX", decode_other_tee },
	{ "SNP", decode_other_tee },
};

error *decode_package(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	struct package *p = to;
	p->accepted_tcb_statuses = (tcb_status_set)1 << MARBLERUN_TCB_UP_TO_DATE |
				   (tcb_status_set)1 << MARBLERUN_TCB_SW_HARDENING_NEEDED;
	return decode_object(value, at, properties, ARRAY_SIZE(properties), arena, p);
}

error *package_parse(json_t *object, const char *where, struct arena *arena, struct package *ret)
{
	struct place at = { NULL, where };
	struct package package = { .name = where };
	TRY(decode_package(object, &at, arena, &package));
	*ret = package;
	return NULL;
}
