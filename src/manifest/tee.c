#include "manifest/tee.h"

#include "codec/hex.h"
#include "manifest/package.h"

static error *decode_expected(json_t *value, const struct place *at, struct arena *arena, struct expected *to,
			      size_t size)
{
	const char *text;
	TRY(decode_string(value, at, arena, &text));
	error *malformed = hex_decode_into(bytes_of_string(text), "value", to->value, size);
	error_free(malformed);
	if (malformed)
		return refuse(at, "\"%s\": %zu hexadecimal digits expected", shown(text).text, 2 * size);
	to->given = true;
	return NULL;
}

#define EXPECTED(bytes)                                                                            \
	static error *decode_##bytes(json_t *value, const struct place *at, struct arena *arena, void *to) \
	{                                                                                          \
		return decode_expected(value, at, arena, to, bytes);                               \
	}
EXPECTED(8)
EXPECTED(16)
EXPECTED(32)
EXPECTED(48)

/* Something must be said: a package that any software satisfies is a mistake. */
static error *require_identity(const struct expected *const *identity, size_t count, const struct place *at,
			       const char *names)
{
	for (size_t i = 0; i < count; i++)
		if (identity[i]->given)
			return NULL;
	return refuse(at, "%s expected: without one of them, any software would be admitted", names);
}

error *decode_tdx(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct property properties[] = {
		PROPERTY("MRTD", struct tdx_package, mrtd, decode_48),
		PROPERTY("RTMR0", struct tdx_package, rtmr[0], decode_48),
		PROPERTY("RTMR1", struct tdx_package, rtmr[1], decode_48),
		PROPERTY("RTMR2", struct tdx_package, rtmr[2], decode_48),
		PROPERTY("RTMR3", struct tdx_package, rtmr[3], decode_48),
		PROPERTY("MRSEAM", struct tdx_package, mrseam, decode_48),
		PROPERTY("MRSIGNERSEAM", struct tdx_package, mrsignerseam, decode_48),
		PROPERTY("MRCONFIGID", struct tdx_package, mrconfigid, decode_48),
		PROPERTY("MROWNER", struct tdx_package, mrowner, decode_48),
		PROPERTY("MROWNERCONFIG", struct tdx_package, mrownerconfig, decode_48),
		PROPERTY("XFAM", struct tdx_package, xfam, decode_8),
		PROPERTY("MinimumTEETCBSVN", struct tdx_package, minimum_tee_tcb_svn, decode_16),
		PROPERTY("AllowSEPTVE", struct tdx_package, allow_sept_ve, decode_boolean),
		PROPERTY("AllowMigration", struct tdx_package, allow_migration, decode_boolean),
	};
	struct tdx_package *p = to;
	TRY(decode_object(value, at, properties, ARRAY_SIZE(properties), arena, p));
	const struct expected *const identity[] = { &p->mrtd, &p->rtmr[0], &p->rtmr[1], &p->rtmr[2], &p->rtmr[3],
						    &p->mrconfigid, &p->mrowner, &p->mrownerconfig };
	p->given = true;
	return require_identity(identity, ARRAY_SIZE(identity), at,
				"MRTD (or RTMR0 to RTMR3, MRCONFIGID, MROWNER, MROWNERCONFIG)");
}

error *decode_snp_minimum(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct property properties[] = {
		PROPERTY("BootLoader", struct snp_minimum, boot_loader, decode_unsigned),
		PROPERTY("TEE", struct snp_minimum, tee, decode_unsigned),
		PROPERTY("SNP", struct snp_minimum, snp, decode_unsigned),
		PROPERTY("Microcode", struct snp_minimum, microcode, decode_unsigned),
		PROPERTY("FMC", struct snp_minimum, fmc, decode_unsigned),
	};
	struct snp_minimum *m = to;
	m->given = true;
	return decode_object(value, at, properties, ARRAY_SIZE(properties), arena, m);
}

error *decode_snp(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct property properties[] = {
		PROPERTY("Measurement", struct snp_package, measurement, decode_48),
		PROPERTY("HostData", struct snp_package, host_data, decode_32),
		PROPERTY("IDKeyDigest", struct snp_package, id_key_digest, decode_48),
		PROPERTY("AuthorKeyDigest", struct snp_package, author_key_digest, decode_48),
		PROPERTY("FamilyID", struct snp_package, family_id, decode_16),
		PROPERTY("ImageID", struct snp_package, image_id, decode_16),
		PROPERTY("MinimumGuestSVN", struct snp_package, minimum_guest_svn, decode_unsigned),
		PROPERTY("VMPL", struct snp_package, vmpl, decode_unsigned),
		PROPERTY("SingleSocket", struct snp_package, single_socket, decode_boolean),
		PROPERTY("ForbidSMT", struct snp_package, forbid_smt, decode_boolean),
		PROPERTY("AllowMigration", struct snp_package, allow_migration, decode_boolean),
		PROPERTY("MinimumTCB", struct snp_package, minimum_tcb, decode_snp_minimum),
		PROPERTY("MinimumLaunchTCB", struct snp_package, minimum_launch_tcb, decode_snp_minimum),
	};
	struct snp_package *p = to;
	TRY(decode_object(value, at, properties, ARRAY_SIZE(properties), arena, p));
	const struct expected *const identity[] = { &p->measurement, &p->host_data, &p->id_key_digest,
						    &p->author_key_digest, &p->family_id, &p->image_id };
	p->given = true;
	if (p->vmpl > 3)
		return refuse(at, "VMPL: 0 to 3 expected");
	return require_identity(identity, ARRAY_SIZE(identity), at,
				"Measurement (or HostData, IDKeyDigest, AuthorKeyDigest, FamilyID, ImageID)");
}
