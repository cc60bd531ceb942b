#include "cli/sim.h"

#include "cli/output.h"
#include "marblerun/sim.h"

error *sim_error(int failed, const char *reason)
{
	return failed ? error_new(ERROR_INVALID, "%s", reason) : NULL;
}

error *simulated_properties(const char *platform, const char *program, struct package_properties *ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	struct marblerun_sim_program m;
	TRY(sim_error(marblerun_sim_measure(platform, program, &m, reason), reason));
	struct package_properties p = { .product_id = m.product_id, .security_version = m.security_version,
					.debug = m.debug, .signed_well = true };
	memcpy(p.unique_id, m.unique_id, sizeof p.unique_id);
	memcpy(p.signer_id, m.signer_id, sizeof p.signer_id);
	*ret = p;
	return NULL;
}

error *sim_properties_to_json(const struct package_properties *p, json_t *to)
{
	CLEANUP_JSON json_t *members = json_pack(
		"{s:s, s:s, s:i, s:i, s:b}", "UniqueID", hex_of(BYTES_OF_ARRAY(p->unique_id)).text,
		"SignerID", hex_of(BYTES_OF_ARRAY(p->signer_id)).text, "ProductID", (int)p->product_id,
		"SecurityVersion", (int)p->security_version, "Debug", p->debug);
	if (!members || json_object_update(to, members) != 0)
		return error_no_memory();
	return NULL;
}
