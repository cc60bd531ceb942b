/* The commands: one file each, one table of them. */
#pragma once
#include "cli/flags.h"

struct invocation {
	const struct command *command;
	struct flag_values flags;
	char **arguments; /* behind the command's name; borrowed, NULL-terminated */
	size_t count;
};

struct command {
	const char *name;      /* "manifest verify" */
	const char *arguments; /* "MANIFEST ADDRESS": how help shows them */
	size_t least, most;    /* how many */
	const char *summary;   /* one line */
	const char *text;      /* what there is to know; NULL: nothing more */
	const char *examples;
	bool judges;           /* exits with 1 for a refusal only, with 2 for all that kept it from judging */
	bool local;            /* talks to no coordinator: help does not list the common flags */
	enum flag own[12];      /* FLAG_NONE ends them; every command takes the common ones too */
	error *(*run)(const struct invocation *call);
};

/* In the order in which help lists them. */
extern const struct command *const commands[];
extern const size_t command_count;

extern const struct command status_command, manifest_set_command, manifest_get_command,
	manifest_verify_command, manifest_signature_command, certificate_root_command,
	certificate_intermediate_command, certificate_chain_command, package_info_command, sim_init_command,
	sim_set_tcb_command, sim_measure_command, sim_sign_command, sim_show_command, version_command,
	evidence_show_command, evidence_verify_command;

/* What the words name: a command, a group of commands ("manifest"), or nothing. *used: how many of
 * them are its name. */
const struct command *command_find(char *const *words, size_t count, size_t *used);
bool command_is_group(const char *word);
