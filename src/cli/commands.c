/* The tree of commands. */
#include "cli/command.h"

static const struct command manifest_commands[] = {
	{ "set", "MANIFEST ADDRESS", "set the first manifest of a coordinator",
	  "Verifies the coordinator before anything is sent, and keeps its certificate chain.",
	  "marblerun manifest set manifest.json localhost:4433 --era-config coordinator-era.json",
	  FLAGS_COORDINATOR | FLAGS_RECOVERY_DATA, 2, 2, run_manifest_set, NULL },
	{ "get", "ADDRESS", "fetch the manifest", NULL,
	  "marblerun manifest get localhost:4433 --era-config coordinator-era.json -o manifest.json",
	  FLAGS_COORDINATOR | FLAGS_OUTPUT_FILE | FLAGS_GET, 1, 1, run_manifest_get, NULL },
	{ "verify", "MANIFEST|FINGERPRINT ADDRESS", "verify a whole deployment",
	  "The relying party's one command: the coordinator's evidence, its policy, its certificate, and\n"
	  "that it runs exactly this manifest. Afterwards later commands and other clients trust the kept\n"
	  "certificate chain.",
	  "marblerun manifest verify manifest.json localhost:4433 --era-config coordinator-era.json",
	  FLAGS_COORDINATOR | FLAGS_OUTPUT_FORMAT, 2, 2, run_manifest_verify, NULL },
	{ "signature", "MANIFEST", "print a manifest's fingerprint (SHA-256)", NULL,
	  "marblerun manifest signature manifest.json", 0, 1, 1, run_manifest_signature, NULL },
	{ 0 },
};

static const struct command certificate_commands[] = {
	{ "root", "ADDRESS", "fetch the verified root certificate", NULL,
	  "marblerun certificate root localhost:4433 --era-config coordinator-era.json",
	  FLAGS_COORDINATOR | FLAGS_OUTPUT_FILE, 1, 1, run_certificate_root, NULL },
	{ "intermediate", "ADDRESS", "fetch the verified intermediate certificate", NULL, NULL,
	  FLAGS_COORDINATOR | FLAGS_OUTPUT_FILE, 1, 1, run_certificate_intermediate, NULL },
	{ "chain", "ADDRESS", "fetch both", NULL, NULL, FLAGS_COORDINATOR | FLAGS_OUTPUT_FILE, 1, 1,
	  run_certificate_chain, NULL },
	{ 0 },
};

static const struct command sim_commands[] = {
	{ "init", "DIR", "make a simulated platform",
	  "A root CA, a PCK chain, TCB info, QE identity, CRLs and keys. Programs with\n"
	  "MARBLERUN_SIM_PLATFORM=DIR attest on it. It protects nothing.",
	  "marblerun sim init platform", FLAGS_DAYS, 1, 1, run_sim_init, NULL },
	{ "set-tcb", "DIR STATUS", "change what the platform's TCB is worth",
	  "STATUS is one of Intel's: UpToDate, SWHardeningNeeded, ConfigurationNeeded,\n"
	  "ConfigurationAndSWHardeningNeeded, OutOfDate, OutOfDateConfigurationNeeded, Revoked.",
	  "marblerun sim set-tcb platform SWHardeningNeeded --advisory INTEL-SA-00615",
	  FLAGS_DAYS | FLAGS_ADVISORY, 2, 2, run_sim_set_tcb, NULL },
	{ "measure", "DIR PROGRAM", "print what the platform measures of a program",
	  "With --output json in the form of a manifest's package.",
	  "marblerun sim measure platform /usr/bin/redis-server --output json", FLAGS_OUTPUT_FORMAT, 2, 2,
	  run_sim_measure, NULL },
	{ "sign", "DIR PROGRAM", "sign a program's present content with the platform's signer", NULL,
	  "marblerun sim sign platform ./service --product-id 7 --security-version 2", FLAGS_SIGN, 2, 2,
	  run_sim_sign, NULL },
	{ 0 },
};

static const struct command top_commands[] = {
	{ "status", "ADDRESS", "show the state of a coordinator", NULL,
	  "marblerun status localhost:4433 --era-config coordinator-era.json",
	  FLAGS_COORDINATOR | FLAGS_OUTPUT_FORMAT, 1, 1, run_status, NULL },
	{ "manifest", NULL, "set, get and verify manifests", NULL, NULL, 0, 0, 0, NULL, manifest_commands },
	{ "certificate", NULL, "fetch the mesh's certificates", NULL, NULL, 0, 0, 0, NULL,
	  certificate_commands },
	{ "package-info", "FILE", "print the properties of a signed enclave or program",
	  "Reads signed Open Enclave and EGo programs, Gramine's .sig files, and folders that hold one; with a\n"
	  "simulated platform, any program.",
	  "marblerun package-info ./service.sig", FLAGS_OUTPUT_FORMAT | FLAGS_PLATFORM, 1, 1,
	  run_package_info, NULL },
	{ "sim", NULL, "simulated platforms, to try everything without hardware", NULL, NULL, 0, 0, 0, NULL,
	  sim_commands },
	{ "version", "", "print the version", NULL, NULL, FLAGS_OUTPUT_FORMAT, 0, 0, run_version, NULL },
	{ 0 },
};

const struct command root_command = {
	"marblerun", NULL, "the command line of a confidential service mesh", NULL,
	"marblerun sim init platform", 0, 0, 0, NULL, top_commands,
};
