#include "manifest/policy_tee.h"

#include "codec/hex.h"

error *expected_check(const char *property, const struct expected *expected, const uint8_t *actual, size_t size)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	if (!expected->given || memcmp(actual, expected->value, size) == 0)
		return NULL;
	write_format(&w, "%s is ", property);
	write_hex(&w, bytes_of(actual, size));
	write_string(&w, ", ");
	write_hex(&w, bytes_of(expected->value, size));
	CLEANUP_FREE char *text = writer_take_string(&w);
	return text ? error_new(ERROR_DENIED, "%s expected", text) : error_no_memory();
}

/* ---- TDX ---- */

/* TDATTRIBUTES, Intel TDX Module Base Architecture Specification, table "ATTRIBUTES": bits 7:0 open the TD to
 * debugging (looked at elsewhere); 27 LASS, 28 SEPT_VE_DISABLE, 29 MIGRATABLE, 30 PKS, 31 KL, 63 PERFMON. */
enum { TD_SEPT_VE_DISABLE = 28, TD_MIGRATABLE = 29 };
static const uint64_t known_td_attributes = 0xffull | 0x1full << 27 | 1ull << 63;

/* MRSERVICETD, of a TD 1.5: which service TDs are bound to it; zero: none. Migration TDs are all that there are. */
static bool has_service_td(const struct marblerun_tdx_claims *c)
{
	uint8_t any = 0;
	for (size_t i = 0; i < sizeof c->mrservicetd; i++)
		any |= c->mrservicetd[i];
	return any;
}

static error *check_attributes(const struct tdx_package *p, const struct marblerun_tdx_claims *c)
{
	uint64_t attributes = c->td_attributes;
	if (attributes & ~known_td_attributes)
		return error_new(ERROR_DENIED, "TDX: TDATTRIBUTES has reserved bits set: 0x%016llx",
				 (unsigned long long)attributes);
	if (!p->allow_sept_ve && !(attributes >> TD_SEPT_VE_DISABLE & 1))
		return error_new(ERROR_DENIED, "TDX: SEPT_VE_DISABLE is not set: the host may inject exceptions; "
				 "AllowSEPTVE accepts that");
	if (!p->allow_migration && (attributes >> TD_MIGRATABLE & 1))
		return error_new(ERROR_DENIED, "TDX: the TD may be migrated; AllowMigration accepts that");
	if (!p->allow_migration && has_service_td(c))
		return error_new(ERROR_DENIED, "TDX: a service TD is bound to the TD (MRSERVICETD); AllowMigration "
				 "accepts that");
	return NULL;
}

static error *check_svn(const struct expected *minimum, const uint8_t actual[16])
{
	for (size_t i = 0; minimum->given && i < 16; i++)
		if (actual[i] < minimum->value[i])
			return error_new(ERROR_DENIED, "TDX: TEE_TCB_SVN[%zu] is %u, at least %u expected", i,
					 actual[i], minimum->value[i]);
	return NULL;
}

error *tdx_admits(const struct tdx_package *p, const struct marblerun_tdx_claims *c)
{
	uint8_t xfam[8];
	const struct {
		const char *name;
		const struct expected *expected;
		const uint8_t *actual;
		size_t size;
	} values[] = {
		{ "TDX: MRTD", &p->mrtd, c->mrtd, 48 },
		{ "TDX: RTMR0", &p->rtmr[0], c->rtmr[0], 48 },
		{ "TDX: RTMR1", &p->rtmr[1], c->rtmr[1], 48 },
		{ "TDX: RTMR2", &p->rtmr[2], c->rtmr[2], 48 },
		{ "TDX: RTMR3", &p->rtmr[3], c->rtmr[3], 48 },
		{ "TDX: MRSEAM", &p->mrseam, c->mrseam, 48 },
		{ "TDX: MRSIGNERSEAM", &p->mrsignerseam, c->mrsignerseam, 48 },
		{ "TDX: MRCONFIGID", &p->mrconfigid, c->mrconfigid, 48 },
		{ "TDX: MROWNER", &p->mrowner, c->mrowner, 48 },
		{ "TDX: MROWNERCONFIG", &p->mrownerconfig, c->mrownerconfig, 48 },
		{ "TDX: XFAM", &p->xfam, xfam, 8 },
	};
	for (size_t i = 0; i < sizeof xfam; i++)
		xfam[i] = (uint8_t)(c->xfam >> 8 * i);
	if (!p->given)
		return error_new(ERROR_DENIED, "the evidence is from TDX, for which the package says nothing");
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		TRY(expected_check(values[i].name, values[i].expected, values[i].actual, values[i].size));
	TRY(check_attributes(p, c));
	return check_svn(&p->minimum_tee_tcb_svn, c->tee_tcb_svn);
}

/* ---- SEV-SNP ---- */

/* GUEST_POLICY, AMD document 56860, table "Guest Policy". */
enum { POLICY_SMT = 16, POLICY_MIGRATE_MA = 18, POLICY_SINGLE_SOCKET = 20 };

error *snp_minimum_check(const char *property, const struct snp_minimum *m, const struct marblerun_snp_tcb *a)
{
	const struct {
		const char *name;
		uint64_t minimum;
		uint8_t actual;
	} parts[] = {
		{ "BootLoader", m->boot_loader, a->boot_loader }, { "TEE", m->tee, a->tee },
		{ "SNP", m->snp, a->snp }, { "Microcode", m->microcode, a->microcode },
		{ "FMC", m->fmc, a->fmc },
	};
	for (size_t i = 0; m->given && i < ARRAY_SIZE(parts); i++)
		if (parts[i].actual < parts[i].minimum)
			return error_new(ERROR_DENIED, "%s: %s is %u, at least %llu expected", property, parts[i].name,
					 parts[i].actual, (unsigned long long)parts[i].minimum);
	return NULL;
}

static error *check_guest_policy(const struct snp_package *p, uint64_t policy)
{
	if (p->forbid_smt && (policy >> POLICY_SMT & 1))
		return error_new(ERROR_DENIED, "SNP: the guest's policy allows SMT");
	if (!p->allow_migration && (policy >> POLICY_MIGRATE_MA & 1))
		return error_new(ERROR_DENIED, "SNP: the guest's policy allows a migration agent; AllowMigration "
				 "accepts that");
	if (p->single_socket && !(policy >> POLICY_SINGLE_SOCKET & 1))
		return error_new(ERROR_DENIED, "SNP: the guest's policy does not demand a single socket");
	return NULL;
}

error *snp_admits(const struct snp_package *p, const struct marblerun_snp_claims *c)
{
	const struct {
		const char *name;
		const struct expected *expected;
		const uint8_t *actual;
		size_t size;
	} values[] = {
		{ "SNP: Measurement", &p->measurement, c->measurement, 48 },
		{ "SNP: HostData", &p->host_data, c->host_data, 32 },
		{ "SNP: IDKeyDigest", &p->id_key_digest, c->id_key_digest, 48 },
		{ "SNP: AuthorKeyDigest", &p->author_key_digest, c->author_key_digest, 48 },
		{ "SNP: FamilyID", &p->family_id, c->family_id, 16 },
		{ "SNP: ImageID", &p->image_id, c->image_id, 16 },
	};
	if (!p->given)
		return error_new(ERROR_DENIED, "the evidence is from SEV-SNP, for which the package says nothing");
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		TRY(expected_check(values[i].name, values[i].expected, values[i].actual, values[i].size));
	if (c->guest_svn < p->minimum_guest_svn)
		return error_new(ERROR_DENIED, "SNP: GUEST_SVN is %u, at least %llu expected", c->guest_svn,
				 (unsigned long long)p->minimum_guest_svn);
	if (c->vmpl != p->vmpl)
		return error_new(ERROR_DENIED, "SNP: VMPL is %u, %llu expected", c->vmpl,
				 (unsigned long long)p->vmpl);
	TRY(check_guest_policy(p, c->policy));
	TRY(snp_minimum_check("SNP: MinimumTCB", &p->minimum_tcb, &c->reported_tcb));
	return snp_minimum_check("SNP: MinimumLaunchTCB", &p->minimum_launch_tcb, &c->launch_tcb);
}
