#include "cli/chain_cache.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "codec/pem.h"

enum { CHAIN_SIZE_MAX = 1 << 16 };

void chain_free(struct chain *chain)
{
	X509_free(chain->intermediate);
	X509_free(chain->root);
	*chain = (struct chain){ 0 };
}

error *chain_of_pem(bytes pem, const char *what, struct chain *ret)
{
	X509 *certificates[2];
	TRY(tls_chain_of_pem(pem, what, 2, certificates));
	*ret = (struct chain){ certificates[0], certificates[1] };
	return NULL;
}

error *chain_write_pem(struct writer *w, X509 *const *certificates, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		CLEANUP(blob_free) struct blob der = { 0 };
		TRY(tls_certificate_der(certificates[i], &der));
		write_pem(w, "CERTIFICATE", blob_view(&der));
	}
	return writer_check(w, "certificates");
}

error *chain_cache_path(const struct flag_values *flags, char **ret)
{
	static const char file[] = "marblerun/coordinator-cert.pem";
	const char *named = flags->values[FLAG_COORDINATOR_CERT];
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int length;
	/* "All paths must be absolute. If [one] is not, it should be considered invalid and ignored"
	 * (XDG Base Directory Specification). */
	if (named && *named)
		length = asprintf(&path, "%s", named);
	else if (config && *config == '/')
		length = asprintf(&path, "%s/%s", config, file);
	else if (home && *home == '/')
		length = asprintf(&path, "%s/.config/%s", home, file);
	else
		return error_new(ERROR_INVALID, "neither XDG_CONFIG_HOME nor HOME says where the "
				 "coordinator's certificate is kept: name a file by --coordinator-cert");
	if (length < 0)
		return error_no_memory();
	*ret = path;
	return NULL;
}

error *chain_cache_load(const char *path, struct chain *ret)
{
	CLEANUP(blob_free) struct blob pem = { 0 };
	TRY(file_read(path, CHAIN_SIZE_MAX, &pem));
	return chain_of_pem(blob_view(&pem), path, ret);
}

error *chain_cache_make_folders(const char *path)
{
	CLEANUP_FREE char *copy = strdup(path);
	TRY_ALLOC(copy);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(copy, 0700) != 0 && errno != EEXIST)
			return error_errno(ERROR_UNAVAILABLE, errno, "making the folder %s", copy);
		*slash = '/';
	}
	return NULL;
}

error *chain_cache_store(const char *path, const struct chain *chain)
{
	CLEANUP(writer_free) struct writer pem = { 0 };
	X509 *const both[] = { chain->intermediate, chain->root };
	TRY(chain_write_pem(&pem, both, 2));
	TRY_CTX(chain_cache_make_folders(path), "keeping the coordinator's certificate");
	TRY_CTX(file_replace(path, writer_view(&pem), 0600), "keeping the coordinator's certificate");
	return NULL;
}
