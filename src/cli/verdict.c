#include "cli/verdict.h"

#include <time.h>

#include "cli/output.h"

struct time_text time_text_of(int64_t seconds)
{
	struct time_text t = { "" };
	time_t at = (time_t)seconds;
	struct tm parts;
	if (gmtime_r(&at, &parts))
		strftime(t.text, sizeof t.text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return t;
}

static const char *tee_name(enum marblerun_tee tee)
{
	static const char *const names[] = { "unknown", "sgx", "tdx", "snp" };
	return (size_t)tee < ARRAY_SIZE(names) ? names[tee] : names[0];
}

static void print_sgx(const struct marblerun_sgx_claims *sgx)
{
	print_field("UniqueID", "%s", hex_of(BYTES_OF_ARRAY(sgx->mrenclave)).text);
	print_field("SignerID", "%s", hex_of(BYTES_OF_ARRAY(sgx->mrsigner)).text);
	print_field("ProductID", "%u", sgx->isv_prod_id);
	print_field("SecurityVersion", "%u", sgx->isv_svn);
}

static void print_measurement(const struct marblerun_claims *claims)
{
	switch (claims->tee) {
	case MARBLERUN_TEE_SGX:
		print_sgx(&claims->sgx);
		break;
	case MARBLERUN_TEE_TDX:
		print_field("MRTD", "%s", hex_of(BYTES_OF_ARRAY(claims->tdx.mrtd)).text);
		break;
	case MARBLERUN_TEE_SNP:
		print_field("Measurement", "%s", hex_of(BYTES_OF_ARRAY(claims->snp.measurement)).text);
		break;
	case MARBLERUN_TEE_UNKNOWN:
		break;
	}
}

void verdict_print(const struct marblerun_verdict *verdict)
{
	const struct marblerun_claims *claims = &verdict->claims;
	print_field("Evidence", "genuine (%s)%s%s", tee_name(claims->tee),
		    claims->simulated ? ", SIMULATED: protects nothing" : "",
		    claims->debug ? ", DEBUG: can be read from outside" : "");
	print_measurement(claims);
	print_field("TCB status", "%s", marblerun_tcb_status_name(verdict->tcb_status));
	for (size_t i = 0; i < verdict->advisory_count; i++)
		print_field(i ? "" : "Advisories", "%s", verdict->advisories[i]);
	print_field("Valid until", "%s", time_text_of(verdict->valid_until).text);
}

static json_t *hex_json(bytes raw)
{
	return json_string(hex_of(raw).text);
}

static json_t *sgx_json(const struct marblerun_sgx_claims *sgx)
{
	return json_pack("{s:o, s:o, s:i, s:i}", "UniqueID", hex_json(BYTES_OF_ARRAY(sgx->mrenclave)),
			 "SignerID", hex_json(BYTES_OF_ARRAY(sgx->mrsigner)), "ProductID",
			 (int)sgx->isv_prod_id, "SecurityVersion", (int)sgx->isv_svn);
}

static json_t *claims_json(const struct marblerun_claims *claims)
{
	switch (claims->tee) {
	case MARBLERUN_TEE_SGX:
		return sgx_json(&claims->sgx);
	case MARBLERUN_TEE_TDX:
		return json_pack("{s:o}", "MRTD", hex_json(BYTES_OF_ARRAY(claims->tdx.mrtd)));
	case MARBLERUN_TEE_SNP:
		return json_pack("{s:o}", "Measurement", hex_json(BYTES_OF_ARRAY(claims->snp.measurement)));
	case MARBLERUN_TEE_UNKNOWN:
		break;
	}
	return json_object();
}

static json_t *advisories_json(const struct marblerun_verdict *verdict)
{
	json_t *all = json_array();
	for (size_t i = 0; all && i < verdict->advisory_count; i++)
		json_array_append_new(all, json_string(verdict->advisories[i]));
	return all;
}

error *verdict_to_json(const struct marblerun_verdict *verdict, json_t *to)
{
	const struct marblerun_claims *claims = &verdict->claims;
	CLEANUP_JSON json_t *members = json_pack(
		"{s:s, s:b, s:b, s:s, s:o, s:s, s:s, s:o}", "tee", tee_name(claims->tee), "simulated",
		claims->simulated, "debug", claims->debug, "tcbStatus",
		marblerun_tcb_status_name(verdict->tcb_status), "advisories", advisories_json(verdict),
		"tcbDate", time_text_of(verdict->tcb_date).text, "validUntil",
		time_text_of(verdict->valid_until).text, "claims", claims_json(claims));
	if (!members || json_object_update(to, members) != 0)
		return error_no_memory();
	return NULL;
}

static json_t *time_json(int64_t seconds)
{
	bool known = seconds && seconds != INT64_MIN && seconds != INT64_MAX;
	return known ? json_string(time_text_of(seconds).text) : json_null();
}

error *verdict_judged_to_json(const struct marblerun_verdict *verdict, json_t *to)
{
	bool known = verdict->tcb_status != MARBLERUN_TCB_UNKNOWN;
	json_t *status = known ? json_string(marblerun_tcb_status_name(verdict->tcb_status)) : json_null();
	CLEANUP_JSON json_t *members = json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o}", "tee", tee_name(verdict->claims.tee), "status", status,
		"advisories", advisories_json(verdict), "tcbDate", time_json(verdict->tcb_date), "validFrom",
		time_json(verdict->valid_from), "validUntil", time_json(verdict->valid_until));
	if (!members || json_object_update(to, members) != 0)
		return error_no_memory();
	return NULL;
}
