#include "cli/flags.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, NUMBER, SWITCH, ADVISORY, JSON_OUTPUT };

struct flag {
	const char *name;
	char letter; /* 0: none */
	enum kind kind;
	unsigned sets;
	size_t offset;
	const char *value, *help;
};

#define AT(member) offsetof(struct options, member)
static const struct flag flags[] = {
	{ "era-config", 0, TEXT, FLAGS_COORDINATOR, AT(era_config), "FILE",
	  "what the coordinator must be: JSON with UniqueID or SignerID, ProductID, SecurityVersion "
	  "(default ./coordinator-era.json)" },
	{ "insecure", 'i', SWITCH, FLAGS_COORDINATOR, AT(insecure), NULL,
	  "do not verify the coordinator's evidence" },
	{ "sim-root", 0, TEXT, FLAGS_COORDINATOR, AT(sim_root), "FILE",
	  "trust this root certificate of a simulated platform" },
	{ "collateral", 0, TEXT, FLAGS_COORDINATOR, AT(collateral), "DIR",
	  "endorsements (default: those that the coordinator hands out)" },
	{ "accepted-tcb-statuses", 0, TEXT, FLAGS_COORDINATOR, AT(accepted_tcb_statuses), "LIST",
	  "comma-separated (default UpToDate,SWHardeningNeeded)" },
	{ "accepted-advisories", 0, TEXT, FLAGS_COORDINATOR, AT(accepted_advisories), "LIST",
	  "comma-separated, for SWHardeningNeeded (default: all)" },
	{ "coordinator-cert", 0, TEXT, FLAGS_COORDINATOR, AT(coordinator_cert), "FILE",
	  "where the verified certificate chain is kept "
	  "(default $XDG_CONFIG_HOME/marblerun/coordinator-cert.pem)" },
	{ "nonce", 0, TEXT, FLAGS_COORDINATOR, AT(nonce), "TEXT",
	  "bind the evidence to this text (default: random)" },
	{ "save-sgx-quote", 0, TEXT, FLAGS_COORDINATOR, AT(save_quote), "FILE",
	  "save the coordinator's evidence" },
	{ "namespace", 'n', TEXT, FLAGS_COORDINATOR, AT(namespace), "NAME",
	  "accepted for compatibility; a plain address needs none" },
	{ "output", 'o', TEXT, FLAGS_OUTPUT_FILE, AT(output), "FILE", "write there" },
	{ "output", 'o', JSON_OUTPUT, FLAGS_OUTPUT_FORMAT, AT(output), "json", "print JSON" },
	{ "recoverydata", 'r', TEXT, FLAGS_RECOVERY_DATA, AT(recovery_data), "FILE",
	  "write recovery data there (default: print them)" },
	{ "keep-cert", 0, SWITCH, FLAGS_GET, AT(keep_cert), NULL,
	  "keep the verified certificate chain for later" },
	{ "days", 0, NUMBER, FLAGS_DAYS, AT(days), "N", "how long the signed documents are valid (default 365)" },
	{ "advisory", 0, ADVISORY, FLAGS_ADVISORY, 0, "NAME", "an advisory of the TCB level; repeatable" },
	{ "product-id", 0, NUMBER, FLAGS_SIGN, AT(product_id), "N", "0 to 65535 (default 1)" },
	{ "security-version", 0, NUMBER, FLAGS_SIGN, AT(security_version), "N", "0 to 65535 (default 1)" },
	{ "debug", 0, SWITCH, FLAGS_SIGN, AT(debug), NULL, "run it in debug mode" },
	{ "sim-platform", 0, TEXT, FLAGS_PLATFORM, AT(sim_platform), "DIR",
	  "the simulated platform that measures (default $MARBLERUN_SIM_PLATFORM)" },
	{ "help", 'h', SWITCH, ~0u, AT(help), NULL, "this text" },
};

static error *set_number(const struct flag *flag, const char *text, uint64_t *to)
{
	char *end;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9')
		return error_new(ERROR_INVALID, "--%s: \"%s\" is no number", flag->name, text);
	*to = number;
	return NULL;
}

static error *set(const struct flag *flag, const char *value, struct options *options)
{
	uint8_t *place = (uint8_t *)options + flag->offset;
	switch (flag->kind) {
	case SWITCH:
		*(bool *)place = true;
		return NULL;
	case NUMBER: {
		uint64_t number;
		TRY(set_number(flag, value, &number));
		memcpy(place, &number, sizeof number);
		return NULL;
	}
	case JSON_OUTPUT:
		if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0)
			return error_new(ERROR_INVALID, "--output: \"%s\"; json or text is expected", value);
		break;
	case ADVISORY:
		if (options->advisory_count == ARRAY_SIZE(options->advisories))
			return error_new(ERROR_INVALID, "--advisory: too many");
		options->advisories[options->advisory_count++] = value;
		return NULL;
	case TEXT:
		break;
	}
	memcpy(place, &value, sizeof value);
	return NULL;
}

/* getopt_long's tables for the flags of a command. */
struct tables {
	struct option longs[ARRAY_SIZE(flags) + 1];
	char shorts[3 * ARRAY_SIZE(flags) + 3];
};

enum { FIRST_VALUE = 256 }; /* behind all letters */

static void fill_tables(unsigned sets, struct tables *t)
{
	size_t longs = 0, shorts = 0;
	memset(t, 0, sizeof *t);
	t->shorts[shorts++] = ':';
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int argument = flags[i].kind == SWITCH ? no_argument : required_argument;
		if (!(flags[i].sets & (sets | 1u << 31)))
			continue;
		t->longs[longs++] = (struct option){ flags[i].name, argument, NULL, FIRST_VALUE + (int)i };
		if (!flags[i].letter)
			continue;
		t->shorts[shorts++] = flags[i].letter;
		if (argument == required_argument)
			t->shorts[shorts++] = ':';
	}
}

static const struct flag *flag_of(int found, unsigned sets)
{
	if (found >= FIRST_VALUE)
		return &flags[found - FIRST_VALUE];
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].letter == found && flags[i].sets & (sets | 1u << 31))
			return &flags[i];
	return NULL;
}

error *flags_parse(const struct command *command, int argc, char **argv, struct options *options,
		   int *count, char ***arguments)
{
	struct tables t;
	int found;
	fill_tables(command->flags, &t);
	optind = 0; /* glibc: start anew */
	opterr = 0;
	while ((found = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
		if (found == ':')
			return error_new(ERROR_INVALID, "%s needs a value", argv[optind - 1]);
		const struct flag *flag = found == '?' ? NULL : flag_of(found, command->flags);
		if (!flag)
			return error_new(ERROR_INVALID, "%s is no flag of this command", argv[optind - 1]);
		TRY(set(flag, optarg, options));
	}
	*count = argc - optind;
	*arguments = argv + optind;
	return NULL;
}

void flags_print(unsigned sets)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		char left[64], letter[8] = "    ";
		if (!(flags[i].sets & (sets | 1u << 31)))
			continue;
		if (flags[i].letter)
			snprintf(letter, sizeof letter, "-%c, ", flags[i].letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, flags[i].name, flags[i].value ? " " : "",
			 flags[i].value ? flags[i].value : "");
		printf("  %-36s %s\n", left, flags[i].help);
	}
}
