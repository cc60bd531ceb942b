#include "cli/chain_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

static error *default_path(char **ret)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int size;
	if (config && *config == '/')
		size = asprintf(ret, "%s/marblerun/coordinator-cert.pem", config);
	else if (home && *home)
		size = asprintf(ret, "%s/.config/marblerun/coordinator-cert.pem", home);
	else
		return error_new(ERROR_INVALID, "neither XDG_CONFIG_HOME nor HOME is set; name a file by "
				 "--coordinator-cert");
	return size < 0 ? error_no_memory() : NULL;
}

static error *path_of(const struct options *options, char **ret)
{
	if (!options->coordinator_cert)
		return default_path(ret);
	*ret = strdup(options->coordinator_cert);
	TRY_ALLOC(*ret);
	return NULL;
}

error *chain_file_read(const struct options *options, char **ret_pem)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP(blob_free) struct blob pem = { 0 };
	TRY(path_of(options, &path));
	error *e = file_read(path, 1 << 20, &pem);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		return error_new(ERROR_NOT_FOUND, "no verified certificate is kept at %s: verify the coordinator "
				 "first (marblerun manifest verify), or give --era-config FILE, or --insecure", path);
	}
	TRY(e);
	*ret_pem = strndup((const char *)pem.data, pem.size);
	TRY_ALLOC(*ret_pem);
	return NULL;
}

/* Every folder above the file. */
static error *make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		int failed = mkdir(path, 0700) != 0 && errno != EEXIST ? errno : 0;
		error *e = failed ? error_errno(ERROR_UNAVAILABLE, failed, "creating the folder %s", path) : NULL;
		*slash = '/';
		TRY(e);
	}
	return NULL;
}

error *chain_file_write(const struct options *options, const char *pem)
{
	CLEANUP_FREE char *path = NULL;
	TRY(path_of(options, &path));
	TRY(make_folders(path));
	return file_replace(path, bytes_of_string(pem), 0644);
}
