/* Runs a fuzz target on the files of a folder: what it demands is demanded in every build. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int count, char **arguments)
{
	DIR *folder = count == 2 ? opendir(arguments[1]) : NULL;
	struct dirent *entry;
	int ran = 0;
	while (folder && (entry = readdir(folder))) {
		char path[4096];
		uint8_t input[4096];
		snprintf(path, sizeof path, "%s/%s", arguments[1], entry->d_name);
		FILE *file = *entry->d_name == '.' ? NULL : fopen(path, "rb");
		if (!file)
			continue;
		size_t size = fread(input, 1, sizeof input, file);
		fclose(file);
		printf("%s\n", entry->d_name);
		fflush(stdout);
		LLVMFuzzerTestOneInput(input, size);
		ran++;
	}
	if (folder)
		closedir(folder);
	return ran ? 0 : 1;
}
