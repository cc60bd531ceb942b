/* marblerun-coordinator: the control plane of the mesh. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "codec/json.h"
#include "daemon/daemon.h"

static const char help[] =
	"Usage: marblerun-coordinator [--help | --version]\n"
	"\n"
	"The control plane of a confidential service mesh: admits services whose attestation\n"
	"evidence satisfies the manifest, and gives them their certificates and secrets.\n"
	"\n"
	"It is configured by environment variables:\n"
	"  EDG_COORDINATOR_MESH_ADDR        where marbles connect (:2001)\n"
	"  EDG_COORDINATOR_CLIENT_ADDR      where people and clients connect (:4433)\n"
	"  EDG_COORDINATOR_DNS_NAMES        names and IPs in its certificates (localhost)\n"
	"  EDG_COORDINATOR_PROMETHEUS_ADDR  where /metrics and /events are served, unprotected\n"
	"                                   (nowhere)\n"
	"  EDG_COORDINATOR_SEAL_DIR         folder of its sealed state (marblerun-coordinator-data)\n"
	"  EDG_STARTUP_MANIFEST             a manifest file to set at start\n"
	"  EDG_DEBUG_LOGGING=1              more in the log; EDG_COORDINATOR_DEV_MODE=1 likewise\n"
	"  EDG_LOG_FORMAT=json              log lines as JSON\n"
	"  MARBLERUN_TPM=TCTI               a TPM that guards the state against being rolled back\n"
	"  MARBLERUN_COLLATERAL_DIR=DIR, MARBLERUN_PCCS_URL=URL, MARBLERUN_KDS_URL=URL\n"
	"                                   where endorsements come from\n"
	"  MARBLERUN_SIM_PLATFORM=DIR       attest on the simulated platform in DIR\n"
	"  OE_SIMULATION=1                  no attestation at all\n"
	"\n"
	"Try it without hardware:\n"
	"  marblerun sim init platform\n"
	"  MARBLERUN_SIM_PLATFORM=platform marblerun-coordinator\n"
	"\n"
	"Exit status: 0 stopped by SIGTERM or SIGINT, 1 failure, 2 wrong usage.\n"
	"See marblerun-coordinator(8).\n";

/* Keys must not end up in a core file, nor be read by another process of the same user. */
static void protect_memory(void)
{
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	json_wipe_what_is_freed(); /* users upload secrets */
}

static void allow_many_connections(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static int usage(const char *argument)
{
	if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
		fputs(help, stdout);
		return 0;
	}
	if (strcmp(argument, "--version") == 0) {
		puts("marblerun-coordinator " MARBLERUN_VERSION);
		return 0;
	}
	fprintf(stderr, "marblerun-coordinator: \"%s\" is no option; see --help\n", argument);
	return 2;
}

int main(int argc, char **argv)
{
	struct configuration configuration;
	if (argc > 1)
		return usage(argv[1]);
	protect_memory();
	allow_many_connections();
	error *e = configuration_read(&configuration);
	if (!e) {
		log_setup(configuration.log_format, configuration.log_level);
		log_info("starting marblerun-coordinator", LOG_TEXT_FIELD("version", MARBLERUN_VERSION));
		e = daemon_run(&configuration);
	}
	if (!e)
		return 0;
	log_error("the coordinator can't run", LOG_ERROR_FIELD(e));
	error_free(e);
	return 1;
}
