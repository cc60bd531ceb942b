#include "attest/tdx/tcb.h"

#include <stdio.h>
#include <strings.h>

#include "attest/sgx/document.h"

enum { MODULES_MAX = 64 };

/* "TDX_01", in any case (PCS documents differ). */
static const json_t *find_identity(const struct tcb_info *tcb_info, uint8_t major)
{
	const json_t *all = json_object_get(tcb_info->head, "tdxModuleIdentities");
	char id[8];
	snprintf(id, sizeof id, "TDX_%02X", major);
	for (size_t i = 0; i < json_array_size(all) && i < MODULES_MAX; i++) {
		const json_t *identity = json_array_get(all, i);
		const char *found = json_string_value(json_object_get(identity, "id"));
		if (found && strcasecmp(found, id) == 0)
			return identity;
	}
	return NULL;
}

static error *module_identity(const struct tcb_info *tcb_info, uint8_t major, const json_t **ret)
{
	*ret = find_identity(tcb_info, major);
	return *ret ? NULL : error_new(ERROR_DENIED, "the TCB info knows no TDX module TDX_%02X", major);
}

static void put_le64(uint64_t value, uint8_t to[8])
{
	for (size_t i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

error *tdx_module_check(const struct tcb_info *tcb_info, const struct marblerun_tdx_claims *claims)
{
	static const char document[] = "TDX module";
	const json_t *module = json_object_get(tcb_info->head, "tdxModule");
	uint8_t signer[48], attributes[8];
	if (claims->tee_tcb_svn[1])
		TRY(module_identity(tcb_info, claims->tee_tcb_svn[1], &module));
	TRY(document_hex(module, document, "mrsigner", signer, sizeof signer));
	if (memcmp(signer, claims->mrsignerseam, sizeof signer) != 0)
		return error_new(ERROR_DENIED, "the TDX module's signer (MRSIGNERSEAM) is not Intel's");
	/* "SEAMATTRIBUTES … must be zero": no bit of it means anything yet. */
	if (claims->seam_attributes)
		return error_new(ERROR_DENIED, "the TDX module's attributes (SEAMATTRIBUTES) are not zero");
	put_le64(claims->seam_attributes, attributes);
	return document_masked(module, document, "attributes", "attributesMask", attributes, sizeof attributes);
}

/* The 16 SVNs of the TD against a level's. With a module of major version > 0 the first two belong to
 * the module's own identity. */
static bool reaches(const struct tcb_level *level, const uint8_t svn[16])
{
	size_t first = svn[1] ? 2 : 0;
	return tcb_at_least(svn + first, level->tdx + first, 16 - first);
}

static error *match_level(const struct tcb_info *tcb_info, const struct pck *pck, const uint8_t svn[16],
			  struct tcb_outcome *ret)
{
	for (size_t i = 0; i < tcb_info->level_count; i++)
		if (tcb_reached_by(&tcb_info->levels[i], pck) && reaches(&tcb_info->levels[i], svn))
			return tcb_level_outcome(&tcb_info->levels[i], ret);
	return error_new(ERROR_DENIED, "platform and TD reach none of the TCB info's levels");
}

static error *match_module(const struct tcb_info *tcb_info, const uint8_t svn[16], struct tcb_outcome *ret)
{
	const json_t *identity;
	*ret = (struct tcb_outcome){ .status = MARBLERUN_TCB_UP_TO_DATE };
	if (!svn[1])
		return NULL; /* covered by the platform's levels */
	TRY(module_identity(tcb_info, svn[1], &identity));
	return isv_svn_match(identity, "TDX module", svn[0], ret);
}

error *tdx_match(const struct tcb_info *tcb_info, const struct pck *pck, const uint8_t tee_tcb_svn[16],
		 struct tdx_outcome *ret)
{
	struct tdx_outcome outcome;
	TRY(match_level(tcb_info, pck, tee_tcb_svn, &outcome.platform));
	TRY(match_module(tcb_info, tee_tcb_svn, &outcome.module));
	outcome.status = tcb_converge(outcome.platform.status, outcome.module.status);
	*ret = outcome;
	return NULL;
}

static bool wants_configuration(enum marblerun_tcb_status status)
{
	return status == MARBLERUN_TCB_CONFIGURATION_NEEDED ||
	       status == MARBLERUN_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
	       status == MARBLERUN_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
}

enum marblerun_tcb_status tdx_relaunch(enum marblerun_tcb_status launched,
				       enum marblerun_tcb_status running)
{
	bool behind = launched == MARBLERUN_TCB_OUT_OF_DATE ||
		      launched == MARBLERUN_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
	bool current = running == MARBLERUN_TCB_UP_TO_DATE || running == MARBLERUN_TCB_SW_HARDENING_NEEDED ||
		       running == MARBLERUN_TCB_CONFIGURATION_NEEDED ||
		       running == MARBLERUN_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED;
	if (!behind || !current)
		return launched;
	return wants_configuration(launched) || wants_configuration(running) ?
		       MARBLERUN_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED :
		       MARBLERUN_TCB_TD_RELAUNCH_ADVISED;
}
