#include "attest/sgx/tcb.h"

#include <stdio.h>

#include "codec/hex.h"

enum { LEVELS_MAX = 256 };

static error *missing(const char *document, const char *name, const char *expected)
{
	return error_new(ERROR_INVALID, "%s: %s: %s is expected", document, name, expected);
}

static error *get_text(const json_t *object, const char *document, const char *name, const char **ret)
{
	json_t *value = json_object_get(object, name);
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return missing(document, name, "a string");
	*ret = json_string_value(value);
	return NULL;
}

static error *get_number(const json_t *object, const char *document, const char *name, json_int_t most,
			 json_int_t *ret)
{
	json_t *value = json_object_get(object, name);
	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > most)
		return missing(document, name, "an integer that fits");
	*ret = json_integer_value(value);
	return NULL;
}

static error *get_hex(const json_t *object, const char *document, const char *name, uint8_t *to, size_t size)
{
	const char *text;
	TRY(get_text(object, document, name, &text));
	TRY_CTX(hex_decode_into(bytes_of_string(text), name, to, size), "%s", document);
	return NULL;
}

static error *check_dates(const json_t *body, const char *document, int64_t at, struct window *window)
{
	const char *issued, *next;
	int64_t from, until;
	TRY(get_text(body, document, "issueDate", &issued));
	TRY(get_text(body, document, "nextUpdate", &next));
	TRY(time_of_text(issued, document, &from));
	TRY(time_of_text(next, document, &until));
	return window_narrow(window, from, until, at, document);
}

error *tcb_info_check(const json_t *body, const char *tee, const struct pck *pck, int64_t at,
		      struct window *window)
{
	static const char document[] = "TCB info";
	uint8_t fmspc[6], pce_id[2];
	json_int_t version, type;
	const char *id = "SGX"; /* version 2 knows nothing else and does not say so */
	TRY(get_number(body, document, "version", 3, &version));
	if (version < 2)
		return missing(document, "version", "2 or 3");
	if (version == 3)
		TRY(get_text(body, document, "id", &id));
	if (strcmp(id, tee) != 0)
		return error_new(ERROR_DENIED, "the TCB info is for %.8s, the evidence is from %s", id, tee);
	TRY(get_number(body, document, "tcbType", 0, &type));
	TRY(check_dates(body, document, at, window));
	TRY(get_hex(body, document, "fmspc", fmspc, sizeof fmspc));
	TRY(get_hex(body, document, "pceId", pce_id, sizeof pce_id));
	if (memcmp(fmspc, pck->fmspc, sizeof fmspc) != 0)
		return error_new(ERROR_DENIED, "the TCB info is for another FMSPC than the platform's");
	if ((pce_id[0] << 8 | pce_id[1]) != pck->pce_id)
		return error_new(ERROR_DENIED, "the TCB info is for another PCEID than the platform's");
	return NULL;
}

/* The 16 component SVNs of a level: an array in version 3, sixteen members in version 2. */
static error *read_components(const json_t *tcb, uint8_t svn[16])
{
	json_t *array = json_object_get(tcb, "sgxtcbcomponents");
	if (array && json_array_size(array) != 16)
		return missing("TCB info", "sgxtcbcomponents", "an array of exactly 16");
	for (size_t i = 0; i < 16; i++) {
		char name[32];
		json_int_t value;
		snprintf(name, sizeof name, "sgxtcbcomp%02zusvn", i + 1);
		TRY(array ? get_number(json_array_get(array, i), "TCB info", "svn", 255, &value) :
			    get_number(tcb, "TCB info", name, 255, &value));
		svn[i] = (uint8_t)value;
	}
	return NULL;
}

static bool at_least(const uint8_t *have, const uint8_t *need, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (have[i] < need[i])
			return false;
	return true;
}

/* What a matching level says, shared by all documents. */
static error *read_outcome(const json_t *level, const char *document, struct tcb_outcome *ret)
{
	const char *status, *date;
	TRY(get_text(level, document, "tcbStatus", &status));
	TRY(get_text(level, document, "tcbDate", &date));
	ret->status = marblerun_tcb_status_of_name(status);
	if (ret->status == MARBLERUN_TCB_UNKNOWN)
		return error_new(ERROR_INVALID, "%s: tcbStatus \"%.40s\" is unknown", document, status);
	ret->advisories = json_object_get(level, "advisoryIDs");
	return time_of_text(date, document, &ret->date);
}

static error *get_levels(const json_t *body, const char *document, json_t **ret)
{
	*ret = json_object_get(body, "tcbLevels");
	if (!json_is_array(*ret) || !json_array_size(*ret) || json_array_size(*ret) > LEVELS_MAX)
		return missing(document, "tcbLevels", "an array of levels");
	return NULL;
}

error *tcb_info_match_sgx(const json_t *body, const struct pck *pck, struct tcb_outcome *ret)
{
	json_t *levels, *level;
	size_t i;
	TRY(get_levels(body, "TCB info", &levels));
	json_array_foreach(levels, i, level) {
		const json_t *tcb = json_object_get(level, "tcb");
		uint8_t svn[16];
		json_int_t pce_svn;
		TRY(read_components(tcb, svn));
		TRY(get_number(tcb, "TCB info", "pcesvn", UINT16_MAX, &pce_svn));
		if (at_least(pck->component_svn, svn, 16) && pck->pce_svn >= pce_svn)
			return read_outcome(level, "TCB info", ret);
	}
	return error_new(ERROR_DENIED, "the platform reaches none of the TCB info's levels");
}

/* value & mask of the report must be what the identity says. Bytes in the order of the report. */
static error *check_masked(const json_t *body, const char *name, const char *mask_name,
			   const uint8_t *value, size_t size)
{
	uint8_t expected[16], mask[16];
	TRY(get_hex(body, "QE identity", name, expected, size));
	TRY(get_hex(body, "QE identity", mask_name, mask, size));
	for (size_t i = 0; i < size; i++)
		if ((value[i] & mask[i]) != expected[i])
			return error_new(ERROR_DENIED, "the quoting enclave's %s is not that of its identity",
					 name);
	return NULL;
}

static void put_le(uint64_t value, uint8_t *to, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

error *qe_identity_check(const json_t *body, const char *id, const struct sgx_report *report, int64_t at,
			 struct window *window)
{
	static const char document[] = "QE identity";
	const struct marblerun_sgx_claims *c = &report->claims;
	uint8_t signer[32], misc_select[4], attributes[16];
	json_int_t version, product;
	const char *found;
	TRY(get_number(body, document, "version", 2, &version));
	TRY(get_text(body, document, "id", &found));
	if (version != 2 || strcmp(found, id) != 0)
		return error_new(ERROR_DENIED, "the QE identity is %.8s, version %d; %s, version 2, is expected",
				 found, (int)version, id);
	TRY(check_dates(body, document, at, window));
	put_le(c->misc_select, misc_select, sizeof misc_select);
	put_le(c->flags, attributes, 8);
	put_le(c->xfrm, attributes + 8, 8);
	TRY(check_masked(body, "miscselect", "miscselectMask", misc_select, sizeof misc_select));
	TRY(check_masked(body, "attributes", "attributesMask", attributes, sizeof attributes));
	TRY(get_hex(body, document, "mrsigner", signer, sizeof signer));
	TRY(get_number(body, document, "isvprodid", UINT16_MAX, &product));
	if (memcmp(signer, c->mrsigner, sizeof signer) != 0)
		return error_new(ERROR_DENIED, "the quoting enclave's signer is not that of its identity");
	if (product != c->isv_prod_id)
		return error_new(ERROR_DENIED, "the quoting enclave's product is not that of its identity");
	return NULL;
}

error *qe_identity_match(const json_t *body, uint16_t isv_svn, struct tcb_outcome *ret)
{
	json_t *levels, *level;
	size_t i;
	TRY(get_levels(body, "QE identity", &levels));
	json_array_foreach(levels, i, level) {
		json_int_t needed;
		TRY(get_number(json_object_get(level, "tcb"), "QE identity", "isvsvn", UINT16_MAX, &needed));
		if (isv_svn >= needed)
			return read_outcome(level, "QE identity", ret);
	}
	return error_new(ERROR_DENIED, "the quoting enclave reaches none of its identity's levels");
}

enum marblerun_tcb_status tcb_converge(enum marblerun_tcb_status platform,
				       enum marblerun_tcb_status enclave)
{
	if (enclave == MARBLERUN_TCB_REVOKED)
		return MARBLERUN_TCB_REVOKED;
	if (enclave != MARBLERUN_TCB_OUT_OF_DATE)
		return platform;
	switch (platform) {
	case MARBLERUN_TCB_UP_TO_DATE:
	case MARBLERUN_TCB_SW_HARDENING_NEEDED:
		return MARBLERUN_TCB_OUT_OF_DATE;
	case MARBLERUN_TCB_CONFIGURATION_NEEDED:
	case MARBLERUN_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED:
		return MARBLERUN_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
	default:
		return platform;
	}
}

static bool has_advisory(const struct marblerun_verdict *verdict, const char *name)
{
	for (size_t i = 0; i < verdict->advisory_count; i++)
		if (strcmp(verdict->advisories[i], name) == 0)
			return true;
	return false;
}

static error *add_advisory(struct marblerun_verdict *verdict, const json_t *value)
{
	const char *name = json_string_value(value);
	if (!name || strlen(name) >= MARBLERUN_ADVISORY_SIZE)
		return error_new(ERROR_INVALID, "advisoryIDs: strings of less than %d bytes are expected",
				 MARBLERUN_ADVISORY_SIZE);
	if (has_advisory(verdict, name))
		return NULL;
	if (verdict->advisory_count == MARBLERUN_ADVISORIES_MAX)
		return error_new(ERROR_INVALID, "advisoryIDs: more than %d", MARBLERUN_ADVISORIES_MAX);
	snprintf(verdict->advisories[verdict->advisory_count++], MARBLERUN_ADVISORY_SIZE, "%s", name);
	return NULL;
}

error *verdict_add(struct marblerun_verdict *verdict, const struct tcb_outcome *outcome)
{
	size_t i;
	json_t *advisory;
	if (outcome->advisories && !json_is_array(outcome->advisories))
		return error_new(ERROR_INVALID, "advisoryIDs: an array is expected");
	json_array_foreach((json_t *)(uintptr_t)outcome->advisories, i, advisory)
		TRY(add_advisory(verdict, advisory));
	if (!verdict->tcb_date || outcome->date < verdict->tcb_date)
		verdict->tcb_date = outcome->date;
	return NULL;
}
