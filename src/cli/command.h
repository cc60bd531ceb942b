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
	enum flag own[24];     /* FLAG_NONE ends them; every command takes the common ones too */
	/* Which flags go together; what it refuses is wrong usage. NULL: any. */
	error *(*check)(const struct flag_values *flags);
	error *(*run)(const struct invocation *call);
};

/* In the order in which help lists them. */
extern const struct command *const commands[];
extern const size_t command_count;

extern const struct command
	status_command,
	check_command,
	install_command,
	uninstall_command,
	precheck_command,
	manifest_set_command,
	manifest_get_command,
	manifest_verify_command,
	manifest_signature_command,
	manifest_log_command,
	manifest_diff_command,
	manifest_update_apply_command,
	manifest_update_acknowledge_command,
	manifest_update_cancel_command,
	manifest_update_get_command,
	certificate_root_command,
	certificate_intermediate_command,
	certificate_chain_command,
	secret_set_command,
	secret_get_command,
	recover_command,
	recover_with_signature_command,
	recover_public_key_command,
	recover_sign_command,
	recover_encrypt_command,
	package_info_command,
	evidence_show_command,
	evidence_verify_command,
	sim_init_command,
	sim_measure_command,
	sim_sign_command,
	sim_set_tcb_command,
	sim_show_command,
	version_command;

/* The command that most of the words name, or NULL. *used: how many of them are its name. */
const struct command *command_find(char *const *words, size_t count, size_t *used);
/* Are these words the beginning of longer names ("manifest", "manifest update")? Returns how many of
 * them are; 0: none. */
size_t command_group(char *const *words, size_t count);
/* Is this a command within the group whose name begins with `size` characters of `group`? */
bool command_is_in(const struct command *command, const char *group, size_t size);
