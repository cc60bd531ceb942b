#include "manifest/policy.h"

#include "codec/hex.h"

static error *deny_id(const char *property, const uint8_t found[32], const uint8_t expected[32])
{
	CLEANUP(writer_free) struct writer is = { 0 }, should = { 0 };
	write_hex(&is, bytes_of(found, 32));
	write_hex(&should, bytes_of(expected, 32));
	TRY(writer_check(&is, property));
	TRY(writer_check(&should, property));
	return error_new(ERROR_DENIED, "%s is %.64s, %.64s is expected", property, (const char *)is.data,
			 (const char *)should.data);
}

static error *deny_number(const char *property, uint64_t found, const char *relation, uint64_t expected)
{
	return error_new(ERROR_DENIED, "%s is %llu, %s%llu is expected", property,
			 (unsigned long long)found, relation, (unsigned long long)expected);
}

static error *check_identity(const struct package *p, const struct marblerun_sgx_claims *c)
{
	if (p->placeholder)
		return error_new(ERROR_DENIED, "the package's \"%.80s\" is no UniqueID or SignerID: no "
				 "evidence fits it", p->placeholder);
	if (p->has_unique_id && memcmp(p->unique_id, c->mrenclave, 32) != 0)
		return deny_id("UniqueID", c->mrenclave, p->unique_id);
	if (p->has_signer_id && memcmp(p->signer_id, c->mrsigner, 32) != 0)
		return deny_id("SignerID", c->mrsigner, p->signer_id);
	if (p->has_product_id && p->product_id != c->isv_prod_id)
		return deny_number("ProductID", c->isv_prod_id, "", p->product_id);
	if (p->has_security_version && c->isv_svn < p->security_version)
		return deny_number("SecurityVersion", c->isv_svn, "at least ", p->security_version);
	return NULL;
}

static bool lists(const struct string_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], name) == 0)
			return true;
	return false;
}

/* Advisories matter for SWHardeningNeeded only; none accepted by name means all (public contract,
 * section 6). */
static error *check_tcb(const struct package *p, const struct marblerun_verdict *v)
{
	if (!(p->accepted_tcb_statuses >> v->tcb_status & 1))
		return error_new(ERROR_DENIED, "TCB status %s is not among AcceptedTCBStatuses",
				 marblerun_tcb_status_name(v->tcb_status));
	if (v->tcb_status != MARBLERUN_TCB_SW_HARDENING_NEEDED || !p->accepted_advisories.count)
		return NULL;
	for (size_t i = 0; i < v->advisory_count; i++)
		if (!lists(&p->accepted_advisories, v->advisories[i]))
			return error_new(ERROR_DENIED, "advisory %s is not among AcceptedAdvisories",
					 v->advisories[i]);
	return NULL;
}

error *package_admits(const struct package *package, const struct marblerun_verdict *verdict)
{
	if (!verdict->genuine)
		return error_new(ERROR_DENIED, "the evidence is not genuine: %s", verdict->reason);
	if (verdict->claims.tee != MARBLERUN_TEE_SGX)
		return error_new(ERROR_DENIED, "the evidence is from another TEE; SGX is expected");
	if (verdict->claims.debug && !package->debug)
		return error_new(ERROR_DENIED, "Debug: the enclave can be debugged; the package does not allow "
				 "that");
	TRY(check_identity(package, &verdict->claims.sgx));
	return check_tcb(package, verdict);
}
