#include "cli/flags.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/command.h"

enum kind { SWITCH, TEXT, NUMBER, FORMAT, REPEATED };

static const struct {
	const char *name;
	char letter;
	enum kind kind;
	const char *value; /* how help names it */
	const char *text;
	unsigned least, most; /* of a number */
} table[FLAG_COUNT] = {
	[FLAG_HELP] = { "help", 'h', SWITCH, NULL, "show this help" },
	[FLAG_ERA_CONFIG] = { "era-config", 0, TEXT, "FILE",
		"what the coordinator must be: JSON with UniqueID, or SignerID, ProductID and "
		"SecurityVersion (./coordinator-era.json when it exists)" },
	[FLAG_INSECURE] = { "insecure", 'i', SWITCH, NULL,
		"do not verify the coordinator; only for simulation (OE_SIMULATION=1)" },
	[FLAG_SIM_ROOT] = { "sim-root", 0, TEXT, "FILE",
		"trust the simulated platform with this root certificate" },
	[FLAG_COLLATERAL] = { "collateral", 0, TEXT, "DIR",
		"folder of endorsements for the evidence (those that the coordinator sends)" },
	[FLAG_ACCEPTED_TCB_STATUSES] = { "accepted-tcb-statuses", 0, TEXT, "LIST",
		"comma-separated TCB statuses (those of the policy, else UpToDate,SWHardeningNeeded)" },
	[FLAG_ACCEPTED_ADVISORIES] = { "accepted-advisories", 0, TEXT, "LIST",
		"comma-separated advisories accepted with SWHardeningNeeded (all)" },
	[FLAG_COORDINATOR_CERT] = { "coordinator-cert", 0, TEXT, "FILE",
		"where the verified certificate chain is kept "
		"($XDG_CONFIG_HOME/marblerun/coordinator-cert.pem)" },
	[FLAG_NONCE] = { "nonce", 0, TEXT, "TEXT",
		"nonce for the evidence (32 random bytes)" },
	[FLAG_SAVE_SGX_QUOTE] = { "save-sgx-quote", 0, TEXT, "FILE", "keep the coordinator's evidence" },
	[FLAG_NAMESPACE] = { "namespace", 'n', TEXT, "NAME",
		"Kubernetes namespace of the installation (marblerun)" },
	[FLAG_ACCEPT_ROLLBACK] = { "accept-rollback", 0, SWITCH, NULL,
		"go on with a coordinator whose state is older than one seen before" },
	[FLAG_OUTPUT_FORMAT] = { "output", 'o', FORMAT, "text|json", "how the result is printed" },
	[FLAG_OUTPUT_FILE] = { "output", 'o', TEXT, "FILE", "write to this file; - is standard output" },
	[FLAG_RECOVERY_DATA] = { "recoverydata", 'r', TEXT, "FILE",
		"write recovery data to this file (standard output)" },
	[FLAG_SIGNATURE] = { "signature", 's', SWITCH, NULL, "print the manifest's fingerprint with it" },
	[FLAG_DISPLAY_UPDATE] = { "display-update", 'u', SWITCH, NULL,
		"merge updates of packages into it" },
	[FLAG_KEEP_CERT] = { "keep-cert", 0, SWITCH, NULL, "keep the verified certificate chain" },
	[FLAG_SIM_PLATFORM] = { "sim-platform", 0, TEXT, "DIR",
		"what a simulated platform measures ($MARBLERUN_SIM_PLATFORM)" },
	[FLAG_DAYS] = { "days", 0, NUMBER, "N", "how long its endorsements are valid (365)", 1, 36500 },
	[FLAG_ADVISORY] = { "advisory", 0, REPEATED, "ID",
		"an advisory, such as INTEL-SA-00334; repeatable" },
	[FLAG_PRODUCT_ID] = { "product-id", 0, NUMBER, "N", "ProductID (1)", 0, 65535 },
	[FLAG_SECURITY_VERSION] = { "security-version", 0, NUMBER, "N", "SecurityVersion (1)", 0, 65535 },
	[FLAG_PCCS] = { "pccs", 0, TEXT, "URL",
		"fetch endorsements from this PCCS (for SEV-SNP: KDS), instead of --collateral" },
	[FLAG_AT] = { "at", 0, TEXT, "TIME",
		"judge as of this time: seconds since 1970, or 2026-01-31T12:00:00Z (now)" },
	[FLAG_ROOT] = { "root", 0, TEXT, "FILE",
		"trust evidence under this root certificate too; it counts as simulated" },
	[FLAG_POLICY] = { "policy", 0, TEXT, "FILE",
		"what the evidence must be: JSON as a package of the manifest" },
	[FLAG_ALLOW_DEBUG] = { "allow-debug", 0, SWITCH, NULL, "accept TEEs that can be debugged" },
	[FLAG_REPORT_DATA] = { "report-data", 0, TEXT, "HEX",
		"what the report data must be; shorter than 64 bytes: zeros follow" },
	[FLAG_STRICT] = { "strict", 0, SWITCH, NULL, "refuse bytes behind the evidence's declared length" },
	[FLAG_DEBUG] = { "debug", 0, SWITCH, NULL, "as a debug enclave" },
	[FLAG_CERT] = { "cert", 'c', TEXT, "FILE", "the user's certificate, as in the manifest (PEM)" },
	[FLAG_KEY] = { "key", 'k', TEXT, "FILE", "its private key (PEM)" },
	[FLAG_RECOVERY_KEY] = { "key", 'k', TEXT, "FILE", "the private recovery key (PEM)" },
	[FLAG_PKCS11_CONFIG] = { "pkcs11-config", 0, TEXT, "FILE",
		"use a key of a PKCS#11 token instead: JSON with Path (of the module), TokenLabel, "
		"TokenSerial or SlotNumber, and Pin or PinFile (asked for when absent)" },
	[FLAG_PKCS11_KEY_ID] = { "pkcs11-key-id", 0, TEXT, "ID",
		"ID of the private key in the token, as text or in hexadecimal" },
	[FLAG_PKCS11_KEY_LABEL] = { "pkcs11-key-label", 0, TEXT, "LABEL", "label of the private key" },
	[FLAG_PKCS11_CERT_ID] = { "pkcs11-cert-id", 0, TEXT, "ID",
		"ID of the certificate in the token, as text or in hexadecimal" },
	[FLAG_PKCS11_CERT_LABEL] = { "pkcs11-cert-label", 0, TEXT, "LABEL", "label of the certificate" },
	[FLAG_MISSING] = { "missing", 0, SWITCH, NULL,
		"show who has not acknowledged it yet, not the manifest" },
	[FLAG_FROM_PEM] = { "from-pem", 0, TEXT, "NAME",
		"the file holds the certificate and/or private key of this secret (PEM)" },
	[FLAG_SIGNATURE_FILE] = { "signature", 's', TEXT, "FILE", "the signature by 'sign-secret'" },
	[FLAG_COORDINATOR_PUB_KEY] = { "coordinator-pub-key", 0, TEXT, "FILE",
		"the coordinator's ephemeral key, by 'public-key' (PEM)" },
	[FLAG_VERIFY] = { "verify", 0, SWITCH, NULL,
		"fetch the whole audit log, recompute its chain, and show it as a table" },
	[FLAG_TIMEOUT] = { "timeout", 0, NUMBER, "N", "seconds to wait (check: 60, --wait: 300)", 1, 86400 },
	[FLAG_KUBECONFIG] = { "kubeconfig", 0, TEXT, "FILE",
		"which cluster, and as whom ($KUBECONFIG, ~/.kube/config, in a pod its service account)" },
	[FLAG_CONTEXT] = { "context", 0, TEXT, "NAME", "another context than the kubeconfig's current one" },
	[FLAG_REQUEST_TIMEOUT] = { "request-timeout", 0, NUMBER, "N",
		"seconds for each request to the API server, and for a login plugin (30)", 1, 3600 },
	[FLAG_WAIT] = { "wait", 0, SWITCH, NULL, "wait until it is done" },
	[FLAG_DRY_RUN] = { "dry-run", 0, SWITCH, NULL, "print the manifests (YAML), ask no cluster" },
	[FLAG_DOMAIN] = { "domain", 0, REPEATED, "NAME",
		"another DNS name or IP of the coordinator; comma-separated, repeatable" },
	[FLAG_SIMULATION] = { "simulation", 0, SWITCH, NULL, "no TEE; for trying things out" },
	[FLAG_RESOURCE_KEY] = { "resource-key", 0, TEXT, "KEY",
		"the SGX resource of the nodes' device plugin (what the nodes offer)" },
	[FLAG_RUNTIME_CLASS] = { "runtime-class", 0, TEXT, "NAME",
		"run the coordinator in a TDX or SEV-SNP guest of this runtime class, without SGX" },
	[FLAG_DISABLE_INJECTION] = { "disable-auto-injection", 0, SWITCH, NULL, "without injector and webhook" },
	[FLAG_VERSION] = { "version", 0, TEXT, "TAG", "of the images (this program's)" },
	[FLAG_IMAGE_REPOSITORY] = { "image-repository", 0, TEXT, "NAME",
		"where the images coordinator and marble-injector are (localhost/marblerun)" },
	[FLAG_CLIENT_PORT] = { "client-server-port", 0, NUMBER, "N", "of the client API (4433)", 1024, 65535 },
	[FLAG_MESH_PORT] = { "mesh-server-port", 0, NUMBER, "N", "of the marbles' API (2001)", 1024, 65535 },
	[FLAG_DCAP_PCCS_URL] = { "dcap-pccs-url", 0, TEXT, "URL",
		"PCCS that endorsements come from (Azure's)" },
	[FLAG_DCAP_SECURE_CERT] = { "dcap-secure-cert", 0, TEXT, "TRUE|FALSE",
		"whether Intel's quote provider checks the PCCS's certificate (TRUE)" },
	[FLAG_DCAP_QCNL_CONFIG_FILE] = { "dcap-qcnl-config-file", 0, TEXT, "FILE",
		"its whole configuration, instead of both" },
	[FLAG_DCAP_QPL] = { "dcap-qpl", 0, TEXT, "azure|intel", "accepted, has no effect" },
	[FLAG_CHART_PATH] = { "marblerun-chart-path", 0, TEXT, "PATH", "refused: no chart is read" },
	[FLAG_DISTRIBUTED] = { "distributed-deployment", 0, SWITCH, NULL, "refused: there is one coordinator" },
	[FLAG_DELETE_STATE] = { "delete-state", 0, SWITCH, NULL,
		"delete the coordinator's sealed state, too: nobody can bring it back" },
};

bool flag_look(enum flag flag, struct flag_look *ret)
{
	if (!table[flag].name)
		return false;
	*ret = (struct flag_look){ .name = table[flag].name, .letter = table[flag].letter,
				   .value = table[flag].value, .text = table[flag].text,
				   .repeatable = table[flag].kind == REPEATED };
	return true;
}

bool flag_describe(enum flag flag, char *to, size_t size, const char **ret_text)
{
	if (!table[flag].name)
		return false;
	char letter[] = { '-', table[flag].letter, ',', ' ', 0 };
	snprintf(to, size, "%s--%s%s%s", table[flag].letter ? letter : "    ", table[flag].name,
		 table[flag].value ? " " : "", table[flag].value ? table[flag].value : "");
	*ret_text = table[flag].text;
	return true;
}

static error *set_number(enum flag flag, const char *value, struct flag_values *to)
{
	size_t digits = strspn(value, "0123456789");
	unsigned long number = digits && digits <= 6 && !value[digits] ? strtoul(value, NULL, 10) : ~0UL;
	if (number < table[flag].least || number > table[flag].most)
		return error_new(ERROR_INVALID, "--%s is \"%s\": a number from %u to %u is expected",
				 table[flag].name, value, table[flag].least, table[flag].most);
	to->numbers[flag] = (unsigned)number;
	return NULL;
}

static error *set_repeated(enum flag flag, const char *value, struct flag_values *to)
{
	if (to->repeated_count == FLAG_REPEAT_MAX)
		return error_new(ERROR_INVALID, "--%s is given more than %d times", table[flag].name,
				 FLAG_REPEAT_MAX);
	to->repeated[to->repeated_count++] = value;
	return NULL;
}

static error *set(enum flag flag, const char *value, struct flag_values *to)
{
	to->values[flag] = value ? value : "";
	switch (table[flag].kind) {
	case SWITCH:
	case TEXT:
		return NULL;
	case NUMBER:
		return set_number(flag, value, to);
	case REPEATED:
		return set_repeated(flag, value, to);
	case FORMAT:
		break;
	}
	if (strcmp(value, "text") == 0 || strcmp(value, "json") == 0)
		return NULL;
	return error_new(ERROR_INVALID, "--output is \"%s\": text or json is expected", value);
}

/* What getopt_long wants: values are flags, above all letters. */
struct description {
	struct option options[FLAG_COUNT + 1];
	size_t count;
	char letters[2 * FLAG_COUNT + 4];
	size_t letter_count;
};
enum { FLAG_BASE = 256 };

static void add(struct description *d, enum flag flag)
{
	bool has_value = table[flag].kind != SWITCH;
	d->options[d->count++] =
		(struct option){ table[flag].name, has_value, NULL, FLAG_BASE + (int)flag };
	if (!table[flag].letter)
		return;
	d->letters[d->letter_count++] = table[flag].letter;
	if (has_value)
		d->letters[d->letter_count++] = ':';
}

/* Another one of its name or letter is. */
static bool is_described(const struct description *d, enum flag flag)
{
	for (size_t i = 0; i < d->count; i++) {
		enum flag other = (enum flag)(d->options[i].val - FLAG_BASE);
		if (strcmp(table[other].name, table[flag].name) == 0 ||
		    (table[flag].letter && table[other].letter == table[flag].letter))
			return true;
	}
	return false;
}

static void describe(const struct command *command, struct description *ret)
{
	*ret = (struct description){ 0 };
	if (!command)
		ret->letters[ret->letter_count++] = '+'; /* stop at the first argument */
	ret->letters[ret->letter_count++] = ':'; /* tell a missing value from an unknown flag */
	for (enum flag flag = FLAG_HELP; flag < FLAG_COMMON_END; flag++)
		add(ret, flag);
	for (size_t i = 0; command && i < ARRAY_SIZE(command->own) && command->own[i]; i++)
		add(ret, command->own[i]);
	for (enum flag flag = FLAG_COMMON_END; !command && flag < FLAG_COUNT; flag++)
		if (!is_described(ret, flag))
			add(ret, flag);
}

static enum flag flag_of(const struct description *d, int found)
{
	for (size_t i = 0; i < d->count; i++) {
		enum flag flag = (enum flag)(d->options[i].val - FLAG_BASE);
		if (d->options[i].val == found || (found && table[flag].letter == found))
			return flag;
	}
	return FLAG_NONE;
}

static error *unknown_flag(const struct description *d, const char *given)
{
	size_t size = strcspn(given, "=");
	struct nearest nearest = { .typed = given + strspn(given, "-"), .size = size - strspn(given, "-") };
	for (size_t i = 0; i < d->count; i++)
		nearest_try(&nearest, d->options[i].name, strlen(d->options[i].name));
	if (given[1] != '-' || !nearest_found(&nearest))
		return error_new(ERROR_INVALID, "unknown flag %s", given);
	return error_new(ERROR_INVALID, "unknown flag %.*s: did you mean --%s?", (int)size, given, nearest.name);
}

static error *refuse(const struct description *d, int found, char **arguments)
{
	const char *at = arguments[optind - 1];
	char letter[] = { '-', (char)optopt, 0 };
	bool is_letter = optopt && optopt < FLAG_BASE;
	if (found == ':')
		return error_new(ERROR_INVALID, "%s needs a value", is_letter ? letter : at);
	if (optopt >= FLAG_BASE)
		return error_new(ERROR_INVALID, "%s takes no value", at);
	return unknown_flag(d, is_letter ? letter : at);
}

error *flags_parse(const struct command *command, int count, char **arguments, struct flag_values *ret,
		   int *first)
{
	struct flag_values values = { 0 };
	struct description d;
	int found;
	describe(command, &d);
	/* getopt_long takes argv with the program's name, and 0 makes it start afresh. */
	arguments--;
	optind = 0;
	opterr = 0;
	while ((found = getopt_long(count + 1, arguments, d.letters, d.options, NULL)) != -1) {
		enum flag flag = flag_of(&d, found);
		if (!flag)
			return refuse(&d, found, arguments);
		/* What a flag in front of the command means, the command will say. */
		if (command)
			TRY(set(flag, optarg, &values));
		else
			values.values[flag] = optarg ? optarg : "";
	}
	*ret = values;
	*first = optind - 1;
	return NULL;
}

bool flags_want_json(const struct flag_values *flags)
{
	const char *format = flags->values[FLAG_OUTPUT_FORMAT];
	return format && strcmp(format, "json") == 0;
}
