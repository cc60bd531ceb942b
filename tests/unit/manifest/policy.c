/* Policies against claims: each property admits what it should and refuses what it should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "codec/hex.h"
#include "manifest/check.h"
#include "manifest/parse.h"
#include "manifest/policy.h"
#include "marblerun/verify.h"

enum { DAY = 86400 };

/* In policies, @BB:N stands for the byte BB in hexadecimal, N times. */
static char *expand(const char *text)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	for (; *text; text++) {
		unsigned byte, count;
		int used;
		if (sscanf(text, "@%2x:%u%n", &byte, &count, &used) != 2) {
			write_u8(&w, (uint8_t)*text);
			continue;
		}
		while (count--)
			write_format(&w, "%02x", byte);
		text += used - 1;
	}
	return writer_take_string(&w);
}

static struct marblerun_verdict tdx(void)
{
	struct marblerun_verdict v = { .genuine = true, .tcb_status = MARBLERUN_TCB_UP_TO_DATE,
				       .tcb_date = 1000 * DAY };
	struct marblerun_tdx_claims *c = &v.claims.tdx;
	v.claims.tee = MARBLERUN_TEE_TDX;
	memset(v.claims.fmspc, 0x50, 6);
	memset(v.claims.ppid, 0x51, 16);
	memset(c->mrtd, 1, 48);
	for (int i = 0; i < 4; i++)
		memset(c->rtmr[i], 0x10 + i, 48);
	memset(c->mrseam, 2, 48);
	memset(c->mrconfigid, 3, 48);
	memset(c->mrowner, 4, 48);
	memset(c->mrownerconfig, 5, 48);
	memset(c->tee_tcb_svn, 6, 16);
	c->xfam = 0x0706050403020100;
	c->td_attributes = 1u << 28;
	return v;
}

static struct marblerun_verdict snp(void)
{
	struct marblerun_verdict v = { .genuine = true, .tcb_status = MARBLERUN_TCB_OUT_OF_DATE };
	struct marblerun_snp_claims *c = &v.claims.snp;
	v.claims.tee = MARBLERUN_TEE_SNP;
	memset(c->measurement, 1, 48);
	memset(c->host_data, 2, 32);
	memset(c->id_key_digest, 3, 48);
	memset(c->author_key_digest, 4, 48);
	memset(c->family_id, 5, 16);
	memset(c->image_id, 6, 16);
	memset(c->chip_id, 7, 64);
	c->guest_svn = 8;
	c->policy = 0x30000;
	c->reported_tcb = c->launch_tcb = (struct marblerun_snp_tcb){ 0, 4, 0, 23, 213 };
	snprintf(c->product, sizeof c->product, "Milan");
	return v;
}

static struct marblerun_verdict sgx(void)
{
	struct marblerun_verdict v = { .genuine = true, .tcb_status = MARBLERUN_TCB_UP_TO_DATE };
	v.claims.tee = MARBLERUN_TEE_SGX;
	memset(v.claims.sgx.mrenclave, 1, 32);
	memset(v.claims.fmspc, 0x60, 6);
	return v;
}

static struct marblerun_verdict (*const makers[])(void) = { tdx, snp, sgx };
enum { TDX, SNP, SGX };

static const struct {
	int tee;
	const char *policy;
	const char *refusal; /* part of it; NULL: admitted */
} cases[] = {
	{ TDX, "{\"TDX\":{\"MRTD\":\"@01:48\"}}", NULL },
	{ TDX, "{\"TDX\":{\"MRTD\":\"@02:48\"}}", "MRTD" },
	{ TDX, "{\"TDX\":{\"RTMR0\":\"@10:48\",\"RTMR1\":\"@11:48\","
	       "\"RTMR2\":\"@12:48\",\"RTMR3\":\"@13:48\"}}", NULL },
	{ TDX, "{\"TDX\":{\"RTMR0\":\"@11:48\"}}", "RTMR0" },
	{ TDX, "{\"TDX\":{\"RTMR1\":\"@10:48\"}}", "RTMR1" },
	{ TDX, "{\"TDX\":{\"RTMR2\":\"@10:48\"}}", "RTMR2" },
	{ TDX, "{\"TDX\":{\"RTMR3\":\"@10:48\"}}", "RTMR3" },
	{ TDX, "{\"TDX\":{\"MRTD\":\"@01:48\",\"MRSEAM\":\"@02:48\",\"MRSIGNERSEAM\":\"@00:48\"}}", NULL },
	{ TDX, "{\"TDX\":{\"MRTD\":\"@01:48\",\"MRSEAM\":\"@03:48\"}}", "MRSEAM" },
	{ TDX, "{\"TDX\":{\"MRTD\":\"@01:48\",\"MRSIGNERSEAM\":\"@01:48\"}}", "MRSIGNERSEAM" },
	{ TDX, "{\"TDX\":{\"MRCONFIGID\":\"@03:48\",\"MROWNER\":\"@04:48\",\"MROWNERCONFIG\":\"@05:48\"}}", NULL },
	{ TDX, "{\"TDX\":{\"MRCONFIGID\":\"@04:48\"}}", "MRCONFIGID" },
	{ TDX, "{\"TDX\":{\"MROWNER\":\"@03:48\"}}", "MROWNER" },
	{ TDX, "{\"TDX\":{\"MROWNERCONFIG\":\"@03:48\"}}", "MROWNERCONFIG" },
	{ TDX, "{\"TDX\":{\"MRTD\":\"@01:48\",\"XFAM\":\"0001020304050607\"}}", NULL },
	{ TDX, "{\"TDX\":{\"MRTD\":\"@01:48\",\"XFAM\":\"0706050403020100\"}}", "XFAM" },
	{ TDX, "{\"TDX\":{\"MRTD\":\"@01:48\",\"MinimumTEETCBSVN\":\"@06:16\"}}", NULL },
	{ TDX, "{\"TDX\":{\"MRTD\":\"@01:48\",\"MinimumTEETCBSVN\":\"@06:15@07:1\"}}", "TEE_TCB_SVN[15]" },
	{ TDX, "{\"SNP\":{\"Measurement\":\"@01:48\"}}", "says nothing" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\"}}", NULL },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@02:48\"}}", "Measurement" },
	{ SNP, "{\"SNP\":{\"HostData\":\"@02:32\"}}", NULL },
	{ SNP, "{\"SNP\":{\"HostData\":\"@03:32\"}}", "HostData" },
	{ SNP, "{\"SNP\":{\"IDKeyDigest\":\"@04:48\"}}", "IDKeyDigest" },
	{ SNP, "{\"SNP\":{\"AuthorKeyDigest\":\"@05:48\"}}", "AuthorKeyDigest" },
	{ SNP, "{\"SNP\":{\"IDKeyDigest\":\"@03:48\",\"AuthorKeyDigest\":\"@04:48\",\"FamilyID\":\"@05:16\","
	       "\"ImageID\":\"@06:16\"}}", NULL },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"FamilyID\":\"@06:16\"}}", "FamilyID" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"ImageID\":\"@05:16\"}}", "ImageID" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"MinimumGuestSVN\":8}}", NULL },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"MinimumGuestSVN\":9}}", "GUEST_SVN" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"VMPL\":1}}", "VMPL" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"SingleSocket\":true}}", "single socket" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"ForbidSMT\":true}}", "SMT" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"MinimumTCB\":{\"SNP\":23,\"Microcode\":213}}}", NULL },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"MinimumTCB\":{\"SNP\":24}}}", "MinimumTCB: SNP" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"MinimumTCB\":{\"BootLoader\":5}}}", "BootLoader" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"MinimumTCB\":{\"TEE\":1}}}", "TEE" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"MinimumTCB\":{\"FMC\":1}}}", "FMC" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\",\"MinimumLaunchTCB\":{\"Microcode\":214}}}", "LaunchTCB" },
	{ SNP, "{\"SNP\":{\"Measurement\":\"@01:48\"},\"AcceptedTCBStatuses\":[\"UpToDate\"]}", "TCB status" },
	{ SNP, "{\"UniqueID\":\"@01:32\"}", "says nothing" },
	{ SGX, "{\"TDX\":{\"MRTD\":\"@01:48\"}}", "says nothing" },
	{ SGX, "{\"UniqueID\":\"@01:32\",\"TDX\":{\"MRTD\":\"@01:48\"},\"SNP\":{\"Measurement\":\"@01:48\"}}", NULL },
	{ TDX, "{\"UniqueID\":\"@01:32\",\"TDX\":{\"MRTD\":\"@01:48\"},\"SNP\":{\"Measurement\":\"@01:48\"}}", NULL },
	{ SNP, "{\"UniqueID\":\"@01:32\",\"TDX\":{\"MRTD\":\"@01:48\"},\"SNP\":{\"Measurement\":\"@01:48\"}}", NULL },
};

static marblerun_policy *parse(const char *text)
{
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_policy *policy = NULL;
	CLEANUP_FREE char *json = expand(text);
	if (marblerun_policy_parse(json, strlen(json), &policy, reason) != 0)
		fail_msg("%s: %s", text, reason);
	return policy;
}

static void each_property(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char reason[MARBLERUN_REASON_SIZE] = "";
		struct marblerun_verdict v = makers[cases[i].tee]();
		marblerun_policy *policy = parse(cases[i].policy);
		int refused = marblerun_policy_check(policy, &v, reason);
		if (refused != (cases[i].refusal != NULL) || (refused && !strstr(reason, cases[i].refusal)))
			fail_msg("%s: \"%s\"", cases[i].policy, reason);
		marblerun_policy_free(policy);
	}
}

static void check_changed(struct marblerun_verdict v, const char *text, const char *refusal)
{
	char reason[MARBLERUN_REASON_SIZE] = "";
	marblerun_policy *policy = parse(text);
	int refused = marblerun_policy_check(policy, &v, reason);
	marblerun_policy_free(policy);
	if (refused != (refusal != NULL) || (refused && !strstr(reason, refusal)))
		fail_msg("%s: \"%s\"", text, reason);
}

static void bits_of_a_td(void **state)
{
	(void)state;
	static const char plain[] = "{\"TDX\":{\"MRTD\":\"@01:48\"}}";
	struct marblerun_verdict v = tdx();
	v.claims.tdx.td_attributes = 0;
	check_changed(v, plain, "SEPT_VE_DISABLE");
	check_changed(v, "{\"TDX\":{\"MRTD\":\"@01:48\",\"AllowSEPTVE\":true}}", NULL);
	v.claims.tdx.td_attributes = 1u << 28 | 1u << 29;
	check_changed(v, plain, "migrated");
	check_changed(v, "{\"TDX\":{\"MRTD\":\"@01:48\",\"AllowMigration\":true}}", NULL);
	v = tdx();
	v.claims.tdx.has_td15 = true;
	check_changed(v, plain, NULL);
	v.claims.tdx.mrservicetd[47] = 1;
	check_changed(v, plain, "MRSERVICETD");
	check_changed(v, "{\"TDX\":{\"MRTD\":\"@01:48\",\"AllowMigration\":true}}", NULL);
	v = tdx();
	v.claims.tdx.td_attributes = 1u << 28 | 1u << 20;
	check_changed(v, plain, "reserved");
	v = tdx();
	v.claims.debug = true;
	check_changed(v, plain, "Debug");
	check_changed(v, "{\"TDX\":{\"MRTD\":\"@01:48\"},\"Debug\":true}", NULL);
	v = tdx();
	v.tcb_status = MARBLERUN_TCB_TD_RELAUNCH_ADVISED;
	check_changed(v, plain, "TDRelaunchAdvised");
	check_changed(v, "{\"TDX\":{\"MRTD\":\"@01:48\"},\"AcceptedTCBStatuses\":[\"TDRelaunchAdvised\"]}", NULL);
}

static void bits_of_a_guest(void **state)
{
	(void)state;
	static const char plain[] = "{\"SNP\":{\"Measurement\":\"@01:48\"}}";
	struct marblerun_verdict v = snp();
	v.claims.snp.vmpl = 2;
	check_changed(v, plain, "VMPL");
	check_changed(v, "{\"SNP\":{\"Measurement\":\"@01:48\",\"VMPL\":2}}", NULL);
	v = snp();
	v.claims.snp.policy |= 1u << 18;
	check_changed(v, plain, "migration agent");
	check_changed(v, "{\"SNP\":{\"Measurement\":\"@01:48\",\"AllowMigration\":true}}", NULL);
	v = snp();
	v.claims.debug = true;
	check_changed(v, plain, "Debug");
}

static const struct {
	const char *policy, *refusal;
} bad[] = {
	{ "{\"TDX\":{}}", "MRTD" },
	{ "{\"SNP\":{}}", "Measurement" },
	{ "{\"SNP\":{\"VMPL\":0}}", "Measurement" },
	{ "{\"TDX\":{\"MRTD\":\"00\"}}", "96 hexadecimal digits" },
	{ "{\"TDX\":{\"MRTD\":5}}", "string expected" },
	{ "{\"TDX\":{\"MRTDX\":\"@01:48\"}}", "MRTDX" },
	{ "{\"SNP\":{\"Measurement\":\"@01:48\",\"VMPL\":4}}", "VMPL" },
	{ "{\"SNP\":{\"Measurement\":\"@01:48\",\"MinimumTCB\":{\"Snap\":1}}}", "Snap" },
	{ "{\"TDX\":[]}", "object expected" },
	{ "{}", "UniqueID" },
};

static void bad_policies_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char reason[MARBLERUN_REASON_SIZE] = "";
		marblerun_policy *policy = NULL;
		CLEANUP_FREE char *json = expand(bad[i].policy);
		assert_int_equal(marblerun_policy_parse(json, strlen(json), &policy, reason), 1);
		if (!strstr(reason, bad[i].refusal))
			fail_msg("%s: %s", bad[i].policy, reason);
	}
}

/* ---- Infrastructures ---- */

static const struct {
	int tee;
	const char *section;
	const char *refusal;
} platforms[] = {
	{ TDX, "{}", NULL },
	{ TDX, "{\"Azure\":{}}", NULL },
	{ TDX, "{\"a\":{\"FMSPC\":[\"@50:6\"]}}", NULL },
	{ TDX, "{\"a\":{\"FMSPC\":[\"@51:6\",\"@50:6\"]}}", NULL },
	{ TDX, "{\"a\":{\"FMSPC\":[\"@51:6\"]}}", "FMSPC 505050505050 is not listed" },
	{ TDX, "{\"a\":{\"FMSPC\":[\"@51:6\"]},\"b\":{}}", "is not listed" },
	{ TDX, "{\"a\":{\"FMSPC\":[\"@51:6\"]},\"b\":{\"PPID\":[\"@51:16\"]}}", NULL },
	{ TDX, "{\"a\":{\"PPID\":[\"@50:16\"]}}", "PPID" },
	{ TDX, "{\"a\":{\"ChipID\":[\"@50:64\"]}}", "has no ChipID" },
	{ TDX, "{\"a\":{\"Product\":[\"Milan\"]}}", "Product" },
	{ TDX, "{\"a\":{\"MinimumTCBDate\":\"1972-09-27T00:00:00Z\"}}", NULL },
	{ TDX, "{\"a\":{\"MinimumTCBDate\":\"1972-09-28T00:00:00Z\"}}", "older" },
	{ TDX, "{\"a\":{\"AcceptedTCBStatuses\":[\"OutOfDate\"]}}", "TCB status" },
	{ TDX, "{\"a\":{\"MinimumTCB\":{\"SNP\":1}}}", "for SEV-SNP" },
	{ SNP, "{\"a\":{\"ChipID\":[\"@07:64\"],\"Product\":[\"Milan\"],\"MinimumTCB\":{\"SNP\":23}}}", NULL },
	{ SNP, "{\"a\":{\"ChipID\":[\"@08:64\"]}}", "is not listed" },
	{ SNP, "{\"a\":{\"Product\":[\"Genoa\",\"Turin\"]}}", "Milan is not listed" },
	{ SNP, "{\"a\":{\"MinimumTCB\":{\"SNP\":24}}}", "SNP" },
	{ SNP, "{\"a\":{\"FMSPC\":[\"@50:6\"]}}", "has no FMSPC" },
	{ SNP, "{\"a\":{\"MinimumTCBDate\":\"1972-09-27T00:00:00Z\"}}", "no TCB date" },
	{ SGX, "{\"a\":{\"FMSPC\":[\"@60:6\"]}}", NULL },
};

static void read_manifest(const char *section, struct manifest **ret, error **ret_refusal)
{
	CLEANUP_FREE char *text = NULL;
	assert_true(asprintf(&text, "{\"Packages\":{\"p\":{\"UniqueID\":\"@01:32\"}},\"Marbles\":{\"m\":"
				    "{\"Package\":\"p\"}},\"Infrastructures\":%s}", section) > 0);
	CLEANUP_FREE char *json = expand(text);
	*ret = NULL;
	*ret_refusal = manifest_parse(bytes_of_string(json), ret);
}

static void platforms_are_enforced(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++) {
		CLEANUP(manifest_free) struct manifest *m = NULL;
		error *e;
		struct marblerun_verdict v = makers[platforms[i].tee]();
		read_manifest(platforms[i].section, &m, &e);
		if (e)
			fail_msg("%s: %s", platforms[i].section, error_message(e));
		e = infrastructures_admit(m->infrastructures, m->infrastructure_count, &v);
		if (!e != !platforms[i].refusal || (e && !strstr(error_message(e), platforms[i].refusal)))
			fail_msg("%s: %s", platforms[i].section, e ? error_message(e) : "admitted");
		error_free(e);
	}
}

/* A chip that is masked, or vouched for by a cloud's key, is none that can be listed. */
static void hidden_chips_are_not_listed(void **state)
{
	(void)state;
	CLEANUP(manifest_free) struct manifest *m = NULL;
	error *e;
	struct marblerun_verdict v = snp();
	read_manifest("{\"a\":{\"ChipID\":[\"@00:64\",\"@07:64\"]}}", &m, &e);
	assert_null(e);
	assert_null(infrastructures_admit(m->infrastructures, m->infrastructure_count, &v));
	v.claims.snp.vlek = true;
	CLEANUP(error_free) error *vlek = infrastructures_admit(m->infrastructures, m->infrastructure_count, &v);
	assert_non_null(vlek);
	v = snp();
	memset(v.claims.snp.chip_id, 0, 64);
	CLEANUP(error_free) error *masked = infrastructures_admit(m->infrastructures, m->infrastructure_count, &v);
	assert_non_null(masked);
}

static void bad_platforms_are_refused(void **state)
{
	(void)state;
	static const char *const sections[] = {
		"{\"a\":{\"FMSPC\":[\"00\"]}}", "{\"a\":{\"FMSPC\":\"@50:6\"}}", "{\"a\":{\"PPID\":[\"@50:15\"]}}",
		"{\"a\":{\"ChipID\":[\"@50:63\"]}}", "{\"a\":{\"Product\":[\"Naples\"]}}",
		"{\"a\":{\"MinimumTCBDate\":\"yesterday\"}}", "{\"a\":{\"CPUSVN\":[1]}}",
		"{\"a\":{\"RootCA\":[3,3,3]}}",
		"{\"a\":{\"AcceptedTCBStatuses\":[\"Good\"]}}", "{\"a\":{\"Fmspc2\":[]}}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		CLEANUP(manifest_free) struct manifest *m = NULL;
		error *e;
		read_manifest(sections[i], &m, &e);
		if (!e)
			fail_msg("%s is not refused", sections[i]);
		assert_non_null(strstr(error_message(e), "Infrastructures: a"));
		error_free(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_property),
		cmocka_unit_test(bits_of_a_td),
		cmocka_unit_test(bits_of_a_guest),
		cmocka_unit_test(bad_policies_are_refused),
		cmocka_unit_test(platforms_are_enforced),
		cmocka_unit_test(hidden_chips_are_not_listed),
		cmocka_unit_test(bad_platforms_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
