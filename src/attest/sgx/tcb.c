#include "attest/sgx/tcb.h"

#include <stdio.h>

#include "attest/sgx/document.h"

bool tcb_at_least(const uint8_t *have, const uint8_t *need, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (have[i] < need[i])
			return false;
	return true;
}

bool tcb_reached_by(const struct tcb_level *level, const struct pck *pck)
{
	return tcb_at_least(pck->component_svn, level->sgx, 16) && pck->pce_svn >= level->pce_svn;
}

error *tcb_info_match_sgx(const struct tcb_info *info, const struct pck *pck, struct tcb_outcome *ret)
{
	for (size_t i = 0; i < info->level_count; i++)
		if (tcb_reached_by(&info->levels[i], pck))
			return tcb_level_outcome(&info->levels[i], ret);
	return error_new(ERROR_DENIED, "the platform reaches none of the TCB info's levels");
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
	TRY(document_number(body, document, "version", 2, &version));
	TRY(document_text(body, document, "id", &found));
	if (version != 2 || strcmp(found, id) != 0)
		return error_new(ERROR_DENIED, "the QE identity is %.8s, version %d; %s, version 2, is expected",
				 found, (int)version, id);
	TRY(document_dates(body, document, at, window));
	put_le(c->misc_select, misc_select, sizeof misc_select);
	put_le(c->flags, attributes, 8);
	put_le(c->xfrm, attributes + 8, 8);
	TRY(document_masked(body, document, "miscselect", "miscselectMask", misc_select, sizeof misc_select));
	TRY(document_masked(body, document, "attributes", "attributesMask", attributes, sizeof attributes));
	TRY(document_hex(body, document, "mrsigner", signer, sizeof signer));
	TRY(document_number(body, document, "isvprodid", UINT16_MAX, &product));
	if (memcmp(signer, c->mrsigner, sizeof signer) != 0)
		return error_new(ERROR_DENIED, "the quoting enclave's signer is not that of its identity");
	if (product != c->isv_prod_id)
		return error_new(ERROR_DENIED, "the quoting enclave's product is not that of its identity");
	return NULL;
}

error *isv_svn_match(const json_t *identity, const char *what, uint16_t isv_svn, struct tcb_outcome *ret)
{
	json_t *levels, *level;
	size_t i;
	TRY(document_levels(identity, what, &levels));
	json_array_foreach(levels, i, level) {
		json_int_t needed;
		TRY(document_number(json_object_get(level, "tcb"), what, "isvsvn", UINT16_MAX, &needed));
		if (isv_svn >= needed)
			return tcb_outcome_read(level, what, ret);
	}
	return error_new(ERROR_DENIED, "%s: its SVN %u reaches none of the levels", what, isv_svn);
}

error *qe_identity_match(const json_t *body, uint16_t isv_svn, struct tcb_outcome *ret)
{
	return isv_svn_match(body, "QE identity", isv_svn, ret);
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
