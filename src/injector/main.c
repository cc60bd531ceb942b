/* marblerun-injector: the admission webhook that makes pods marbles. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "injector/serve.h"

static const char help[] =
	"Usage: marblerun-injector [FLAG...]\n"
	"\n"
	"A mutating admission webhook for Kubernetes: pods with the label marblerun/marbletype get what a\n"
	"marble needs to find its coordinator, and its node's trusted execution environment.\n"
	"\n"
	"  -coordAddr=HOST:PORT       the coordinator's marble API (coordinator-mesh-api.marblerun:2001)\n"
	"  -clusterDomain=DOMAIN      the cluster's domain (cluster.local)\n"
	"  -sgxResource=NAME          what the device plugin calls SGX memory (sgx.intel.com/epc);\n"
	"                             empty: no SGX\n"
	"  -tsmRuntimeClasses=LIST    runtime classes of TDX and SEV-SNP guests\n"
	"                             (" TSM_RUNTIME_CLASSES ")\n"
	"  -tlsCertFile=FILE          certificates of the webhook (/etc/webhook/certs/tls.crt)\n"
	"  -tlsKeyFile=FILE           its key (/etc/webhook/certs/tls.key)\n"
	"  -addr=HOST:PORT            where it is served (:8443)\n"
	"  -metricsAddr=HOST:PORT     where /metrics is served, unprotected (nowhere)\n"
	"  -shutdownDelay=SECONDS     how long it still accepts after SIGTERM (0)\n"
	"  -help, -version\n"
	"\n"
	"Environment: EDG_LOG_FORMAT=json, EDG_DEBUG_LOGGING=1\n"
	"Exit status: 0 stopped by SIGTERM or SIGINT, 1 failure, 2 wrong usage.\n"
	"See marblerun-injector(8).\n";

/* The webhook's key must not end up in a core file, nor be read by another process of the same user. */
static void protect_memory(void)
{
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

static int serve(const struct configuration *configuration)
{
	log_setup(configuration->log_format, configuration->log_level);
	log_info("starting marblerun-injector", LOG_TEXT_FIELD("version", MARBLERUN_VERSION));
	CLEANUP(error_free) error *e = injector_serve(configuration);
	if (e)
		log_error("the injector can't run", LOG_ERROR_FIELD(e));
	return e ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct configuration configuration;
	CLEANUP(error_free) error *e = configuration_read(argc, argv, &configuration);
	if (e) {
		fprintf(stderr, "marblerun-injector: %s\n", error_message(e));
		return 2;
	}
	if (configuration.help || configuration.version) {
		fputs(configuration.help ? help : "marblerun-injector " MARBLERUN_VERSION "\n", stdout);
		return 0;
	}
	protect_memory();
	return serve(&configuration);
}
