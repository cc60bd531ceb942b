#include <stdio.h>

#include "base/file.h"
#include "cli/manifest_file.h"

error *run_manifest_get(const struct options *options, int count, char **arguments)
{
	CLEANUP(blob_free) struct blob manifest = { 0 };
	CLEANUP(session_close) struct session s = { 0 };
	(void)count;
	TRY(session_open(options, arguments[0], &s));
	TRY(manifest_fetch(&s, &manifest));
	if (options->output) {
		TRY(file_replace(options->output, blob_view(&manifest), 0644));
		printf("Manifest written to: %s\n", options->output);
	} else if (fwrite(manifest.data, 1, manifest.size, stdout) != manifest.size || fflush(stdout) != 0) {
		return error_new(ERROR_UNAVAILABLE, "standard output can't be written");
	}
	return options->keep_cert ? session_keep(options, &s) : NULL;
}
