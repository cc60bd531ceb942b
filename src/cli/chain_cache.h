/* The certificate chain of the coordinator that was verified last: later connections are to exactly
 * that one. */
#pragma once
#include "cli/flags.h"
#include "net/tls_chain.h"

struct chain {
	X509 *intermediate, *root;
};
void chain_free(struct chain *chain);
DEFINE_CLEANUP_IN_PLACE(chain_free, struct chain)

/* PEM: intermediate, then root. */
error *chain_of_pem(bytes pem, const char *what, struct chain *ret) MUST_USE;
error *chain_write_pem(struct writer *w, X509 *const *certificates, size_t count) MUST_USE;

/* --coordinator-cert, else $XDG_CONFIG_HOME/marblerun/coordinator-cert.pem, else below ~/.config. */
error *chain_cache_path(const struct flag_values *flags, char **ret) MUST_USE;
/* ERROR_NOT_FOUND when nothing is kept there. */
error *chain_cache_load(const char *path, struct chain *ret) MUST_USE;
/* The folders above a file, mode 0700. */
error *chain_cache_make_folders(const char *path) MUST_USE;
/* Makes the folders (0700) as needed. */
error *chain_cache_store(const char *path, const struct chain *chain) MUST_USE;
