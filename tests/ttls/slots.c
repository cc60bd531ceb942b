/* slots PID: how many places its data plane's shared memory has given to connections and to beginnings of records. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ttls/shared.h"

static int print(const char *path)
{
	size_t connections, partials;
	int file = open(path, O_RDWR);
	struct shared_region *region = file < 0 ? NULL : shared_region_map(file);
	if (!region)
		return 1;
	shared_count(region, &connections, &partials);
	printf("%zu %zu\n", connections, partials);
	return 0;
}

int main(int count, char **arguments)
{
	char folder[64], path[512], target[128];
	struct dirent *entry;
	bool printed = false;
	snprintf(folder, sizeof folder, "/proc/%s/fd", count > 1 ? arguments[1] : "self");
	DIR *files = opendir(folder);
	while (files && !printed && (entry = readdir(files))) {
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		ssize_t size = readlink(path, target, sizeof target - 1);
		target[size > 0 ? size : 0] = '\0';
		printed = strncmp(target, "/memfd:marblerun data plane ", 28) == 0 && print(path) == 0;
	}
	if (files)
		closedir(files);
	if (!printed)
		fprintf(stderr, "no data plane in %s\n", folder);
	return !printed;
}
