#include "cli/command.h"

#include <string.h>

/* Is this the first word of the text, and where does the text go on? NULL: no. */
static const char *behind_word(const char *text, const char *word)
{
	size_t size = strcspn(text, " ");
	if (strlen(word) != size || memcmp(text, word, size) != 0)
		return NULL;
	return text + size + (text[size] == ' ');
}

/* How many of the words the name begins with; *rest: what is left of it. */
static size_t matching(const char *name, char *const *words, size_t count, const char **rest)
{
	size_t matched = 0;
	for (const char *next; matched < count && *name; name = next) {
		next = behind_word(name, words[matched]);
		if (!next)
			break;
		matched++;
	}
	*rest = name;
	return matched;
}

const struct command *command_find(char *const *words, size_t count, size_t *used)
{
	const struct command *found = NULL;
	size_t most = 0;
	for (size_t i = 0; i < command_count; i++) {
		const char *rest;
		size_t matched = matching(commands[i]->name, words, count, &rest);
		if (*rest || matched <= most)
			continue;
		found = commands[i];
		most = matched;
	}
	if (found)
		*used = most;
	return found;
}

size_t command_group(char *const *words, size_t count)
{
	size_t most = 0;
	for (size_t i = 0; i < command_count; i++) {
		const char *rest;
		size_t matched = matching(commands[i]->name, words, count, &rest);
		if (*rest && matched > most)
			most = matched;
	}
	return most;
}

bool command_is_in(const struct command *command, const char *group, size_t size)
{
	return strncmp(command->name, group, size) == 0 && command->name[size] == ' ';
}
