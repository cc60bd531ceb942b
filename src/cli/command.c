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

const struct command *command_find(char *const *words, size_t count, size_t *used)
{
	for (size_t i = 0; i < command_count; i++) {
		const char *name = commands[i]->name;
		size_t matched = 0;
		while (name && *name && matched < count)
			name = behind_word(name, words[matched++]);
		if (name && !*name) {
			*used = matched;
			return commands[i];
		}
	}
	return NULL;
}

bool command_is_group(const char *word)
{
	for (size_t i = 0; i < command_count; i++) {
		const char *rest = behind_word(commands[i]->name, word);
		if (rest && *rest)
			return true;
	}
	return false;
}
