#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/sigstruct.h"

enum { PROGRAM_SIZE_MAX = 1 << 30 };

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);
	return length > tail && strcmp(text + length - tail, end) == 0;
}

/* The one .sig file of a Gramine folder. */
static error *find_in_folder(const char *folder, char **ret)
{
	DIR *open = opendir(folder);
	struct dirent *entry;
	CLEANUP_FREE char *found = NULL;
	size_t count = 0;
	if (!open)
		return error_errno(ERROR_NOT_FOUND, errno, "opening %s", folder);
	while ((entry = readdir(open))) {
		if (!ends_with(entry->d_name, ".sig"))
			continue;
		free(found);
		found = NULL;
		count++;
		if (asprintf(&found, "%s/%s", folder, entry->d_name) < 0)
			found = NULL;
	}
	closedir(open);
	if (count != 1 || !found)
		return error_new(ERROR_INVALID, "%s holds %zu .sig files; exactly one is expected, or name it",
				 folder, count);
	*ret = TAKE(found);
	return NULL;
}

static error *show_file(const struct options *options, const char *path)
{
	CLEANUP(blob_free) struct blob file = { 0 };
	struct package_properties p;
	bytes sigstruct;
	TRY(file_read(path, PROGRAM_SIZE_MAX, &file));
	TRY(sigstruct_find(blob_view(&file), path, &sigstruct));
	TRY_CTX(sigstruct_parse(sigstruct, &p), "%s", path);
	return package_print(options, path, &p);
}

error *run_package_info(const struct options *options, int count, char **arguments)
{
	const char *environment = getenv("MARBLERUN_SIM_PLATFORM");
	const char *platform = options->sim_platform ? options->sim_platform : environment;
	CLEANUP_FREE char *path = NULL;
	struct stat kind;
	char *measured[2];
	(void)count;
	if (platform && *platform) {
		CLEANUP_FREE char *folder = strdup(platform);
		TRY_ALLOC(folder);
		measured[0] = folder;
		measured[1] = arguments[0];
		return run_sim_measure(options, 2, measured);
	}
	if (stat(arguments[0], &kind) == 0 && S_ISDIR(kind.st_mode)) {
		TRY(find_in_folder(arguments[0], &path));
		return show_file(options, path);
	}
	return show_file(options, arguments[0]);
}
