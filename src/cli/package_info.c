#include "cli/command.h"
#include "cli/output.h"
#include "cli/package.h"
#include "cli/sim.h"

static error *read_signed(const char *path, json_t **ret_json, struct package_properties *p)
{
	enum package_kind kind;
	TRY(package_read(path, &kind, p));
	*ret_json = json_pack("{s:s, s:b}", "Kind", package_kind_name(kind), "SignatureValid",
			      p->signed_well);
	TRY_ALLOC(*ret_json);
	if (!p->signed_well)
		say_warning("%s: the signature of its SIGSTRUCT does not verify: no platform will "
			      "load it", path);
	return NULL;
}

static error *read_simulated(const char *platform, const char *path, json_t **ret_json,
			     struct package_properties *p)
{
	TRY(simulated_properties(platform, path, p));
	*ret_json = json_pack("{s:s}", "Kind", "simulated");
	return *ret_json ? NULL : error_no_memory();
}

static void print_text(const char *path, const struct package_properties *p)
{
	printf("PackageProperties for '%s':\n", path);
	printf("UniqueID (MRENCLAVE)      : %s\n", hex_of(BYTES_OF_ARRAY(p->unique_id)).text);
	printf("SignerID (MRSIGNER)       : %s\n", hex_of(BYTES_OF_ARRAY(p->signer_id)).text);
	printf("ProductID (ISVPRODID)     : %u\n", p->product_id);
	printf("SecurityVersion (ISVSVN)  : %u\n", p->security_version);
	printf("Debug                     : %s\n", p->debug ? "true" : "false");
}

static error *run(const struct invocation *call)
{
	const char *path = call->arguments[0], *platform = call->flags.values[FLAG_SIM_PLATFORM];
	struct package_properties p;
	CLEANUP_JSON json_t *json = NULL;
	if (!platform)
		platform = getenv("MARBLERUN_SIM_PLATFORM");
	if (platform && *platform)
		TRY(read_simulated(platform, path, &json, &p));
	else
		TRY(read_signed(path, &json, &p));
	if (!flags_want_json(&call->flags)) {
		print_text(path, &p);
		return NULL;
	}
	TRY(sim_properties_to_json(&p, json));
	return print_json(json);
}

const struct command package_info_command = {
	.name = "package-info",
	.arguments = "PATH",
	.least = 1,
	.most = 1,
	.summary = "Print what the manifest's Packages say about a program",
	.text = "PATH is a signed Open Enclave, EGo or SGX SDK enclave, a Gramine .sig file or the\n"
		".manifest.sgx beside it, or the\n"
		"folder of a Gramine or Occlum instance. With a simulated platform, any program: as\n"
		"that platform measures it.\n",
	.examples = "  marblerun package-info ./enclave.signed\n"
		    "  marblerun package-info redis-server.sig --output json\n"
		    "  marblerun package-info /usr/bin/redis-server --sim-platform platform\n",
	.own = { FLAG_OUTPUT_FORMAT, FLAG_SIM_PLATFORM },
	.local = true,
	.run = run,
};
