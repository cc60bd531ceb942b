#include "manifest/policy.h"

#include <strings.h>

#include "codec/hex.h"
#include "manifest/decode.h"
#include "manifest/policy_tee.h"

enum { ID_SIZE = 32 };

static error *check_id(const char *property, const uint8_t actual[ID_SIZE],
		       const uint8_t expected[ID_SIZE])
{
	CLEANUP(writer_free) struct writer w = { 0 };
	if (memcmp(actual, expected, ID_SIZE) == 0)
		return NULL;
	write_format(&w, "%s is ", property);
	write_hex(&w, bytes_of(actual, ID_SIZE));
	write_string(&w, ", ");
	write_hex(&w, bytes_of(expected, ID_SIZE));
	CLEANUP_FREE char *text = writer_take_string(&w);
	return text ? error_new(ERROR_DENIED, "%s expected", text) : error_no_memory();
}

/* Public contract, section 6: "every property that the manifest gives must equal the evidence's,
 * SecurityVersion must be ≤ the evidence's, a debug enclave only with Debug: true". */
static error *check_identity(const struct package *p, const struct marblerun_sgx_claims *claims)
{
	if (p->placeholder)
		return error_new(ERROR_DENIED, "the package says \"%s\", which no evidence satisfies",
				 shown(p->placeholder).text);
	if (p->has_unique_id)
		TRY(check_id("UniqueID", claims->mrenclave, p->unique_id));
	if (p->has_signer_id)
		TRY(check_id("SignerID", claims->mrsigner, p->signer_id));
	if (p->has_product_id && claims->isv_prod_id != p->product_id)
		return error_new(ERROR_DENIED, "ProductID is %u, %llu expected", claims->isv_prod_id,
				 (unsigned long long)p->product_id);
	if (p->has_security_version && claims->isv_svn < p->security_version)
		return error_new(ERROR_DENIED, "SecurityVersion is %u, at least %llu expected",
				 claims->isv_svn, (unsigned long long)p->security_version);
	return NULL;
}

static bool lists_advisory(const struct string_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcasecmp(list->items[i], name) == 0)
			return true;
	return false;
}

/* Public contract: "AcceptedAdvisories checked for SWHardeningNeeded only, empty = all". */
static error *check_advisories(const struct package *p, const struct marblerun_verdict *v)
{
	if (v->tcb_status != MARBLERUN_TCB_SW_HARDENING_NEEDED || !p->accepted_advisories.count)
		return NULL;
	for (size_t i = 0; i < v->advisory_count; i++)
		if (!lists_advisory(&p->accepted_advisories, v->advisories[i]))
			return error_new(ERROR_DENIED, "advisory %s applies to the platform and is not "
					 "among AcceptedAdvisories", v->advisories[i]);
	return NULL;
}

/* UpToDate is admitted whatever the list says: manifests name only what they accept besides. */
static error *check_tcb(const struct package *p, const struct marblerun_verdict *v)
{
	tcb_status_set accepted = p->accepted_tcb_statuses | 1u << MARBLERUN_TCB_UP_TO_DATE;
	bool known = v->tcb_status > MARBLERUN_TCB_UNKNOWN && v->tcb_status <= MARBLERUN_TCB_REVOKED;
	if (!known || !(accepted >> v->tcb_status & 1))
		return error_new(ERROR_DENIED, "TCB status is %s, which is not among "
				 "AcceptedTCBStatuses", marblerun_tcb_status_name(v->tcb_status));
	return check_advisories(p, v);
}

static error *check_sgx(const struct package *p, const struct marblerun_verdict *v)
{
	bool any = p->has_unique_id || p->has_signer_id || p->has_product_id || p->has_security_version ||
		   p->placeholder;
	if (!any && (p->tdx.given || p->snp.given))
		return error_new(ERROR_DENIED, "the evidence is from SGX, for which the package says nothing");
	return check_identity(p, &v->claims.sgx);
}

static error *check_tee(const struct package *p, const struct marblerun_verdict *v)
{
	switch (v->claims.tee) {
	case MARBLERUN_TEE_SGX:
		return check_sgx(p, v);
	case MARBLERUN_TEE_TDX:
		return tdx_admits(&p->tdx, &v->claims.tdx);
	case MARBLERUN_TEE_SNP:
		return snp_admits(&p->snp, &v->claims.snp);
	case MARBLERUN_TEE_UNKNOWN:
		break;
	}
	return error_new(ERROR_DENIED, "the evidence is from an unknown TEE");
}

error *package_admits(const struct package *package, const struct marblerun_verdict *verdict)
{
	if (!verdict->genuine)
		return error_new(ERROR_DENIED, "the evidence is not genuine: %s", verdict->reason);
	if (verdict->claims.debug && !package->debug)
		return error_new(ERROR_DENIED, "Debug is true, false expected");
	TRY(check_tee(package, verdict));
	/* AMD publishes no TCB status; "OutOfDate" says only that the platform reports less than it runs. */
	if (verdict->claims.tee == MARBLERUN_TEE_SNP && !package->has_accepted_tcb_statuses)
		return NULL;
	return check_tcb(package, verdict);
}
