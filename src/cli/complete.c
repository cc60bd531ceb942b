#include "cli/complete.h"

#include <string.h>

#include "marblerun/verify.h"

enum { WORDS_MAX = 64 };

/* A line under way: what was typed before the word in question. */
struct line {
	FILE *to;
	const char *word;
	char *plain[WORDS_MAX]; /* words that are neither flags nor their values */
	size_t count;
	const struct command *command; /* NULL: not known yet */
	size_t name_size;              /* how many of the words are its name */
	bool given[FLAG_COUNT];
	enum flag open; /* the flag whose value comes next */
};

static void offer(const struct line *l, const char *prefix, const char *word, size_t size, const char *what)
{
	size_t before = strlen(prefix), typed = strlen(l->word);
	/* what was typed has to be the beginning of both together */
	if (strncmp(l->word, prefix, typed < before ? typed : before) != 0 ||
	    (typed > before && (typed - before > size || strncmp(l->word + before, word, typed - before) != 0)))
		return;
	fprintf(l->to, "%s%.*s%s%s\n", prefix, (int)size, word, *what ? "\t" : "", what);
}

static bool takes(const struct command *command, enum flag flag)
{
	if (!command || flag == FLAG_HELP)
		return true;
	if (flag < FLAG_COMMON_END && !command->local)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(command->own) && command->own[i]; i++)
		if (command->own[i] == flag)
			return true;
	return false;
}

/* "-o", "--output", "--output=json" */
static enum flag find_flag(const struct line *l, const char *word)
{
	size_t size = strcspn(word, "=");
	for (enum flag flag = FLAG_HELP; flag < FLAG_COUNT; flag++) {
		struct flag_look look;
		if (!takes(l->command, flag) || !flag_look(flag, &look))
			continue;
		bool letter = look.letter && word[1] == look.letter && !word[2];
		if (letter || (size == strlen(look.name) + 2 && memcmp(word + 2, look.name, size - 2) == 0))
			return flag;
	}
	return FLAG_NONE;
}

static void read_flag(struct line *l, const char *word)
{
	struct flag_look look;
	enum flag flag = find_flag(l, word);
	if (!flag || !flag_look(flag, &look))
		return;
	l->given[flag] = !look.repeatable;
	if (look.value && !strchr(word, '='))
		l->open = flag;
}

static void read_words(struct line *l, char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (l->open) {
			l->open = FLAG_NONE;
		} else if (words[i][0] == '-' && words[i][1]) {
			read_flag(l, words[i]);
		} else if (l->count < WORDS_MAX) {
			l->plain[l->count++] = words[i];
			l->command = command_find(l->plain, l->count, &l->name_size);
		}
	}
}

/* What help calls an argument or a flag's value: "FILE", "[NEW]", "NAME...", "text|json". */
static bool is_called(const char *name, size_t size, const char *const *list)
{
	for (; *list; list++)
		if (strlen(*list) == size && memcmp(*list, name, size) == 0)
			return true;
	return false;
}

static void offer_statuses(const struct line *l)
{
	for (enum marblerun_tcb_status s = MARBLERUN_TCB_UP_TO_DATE; s <= MARBLERUN_TCB_REVOKED; s++) {
		const char *name = marblerun_tcb_status_name(s);
		if (strncmp(name, "TD", 2) != 0) /* simulated platforms are SGX's */
			offer(l, "", name, strlen(name), "");
	}
}

static void offer_kind(const struct line *l, const char *prefix, const char *name, size_t size)
{
	static const char *const files[] = { "FILE", "MANIFEST", "PATH", "PROGRAM", "NEW", "OLD", NULL };
	static const char *const folders[] = { "DIR", NULL }, *const statuses[] = { "STATUS", NULL };
	static const char *const others[] = { "FINGERPRINT", "ADDRESS", "NAME", "TEXT", "LIST", "N", "ID", "URL",
					      "TIME", "HEX", "LABEL", "KEY", "TAG", NULL };
	if (is_called(name, size, files))
		fputs(":file\n", l->to);
	else if (is_called(name, size, folders))
		fputs(":folder\n", l->to);
	else if (is_called(name, size, statuses))
		offer_statuses(l);
	else if (size && !is_called(name, size, others))
		offer(l, prefix, name, size, "");
}

static void offer_kinds(const struct line *l, const char *prefix, const char *names)
{
	for (;;) {
		size_t size = strcspn(names, "| ]");
		offer_kind(l, prefix, names, size);
		if (names[size] != '|')
			return;
		names += size + 1;
	}
}

/* The one that comes next; the last of "NAME... ADDRESS" is not told from the others. */
static void offer_argument(const struct line *l)
{
	const char *at = l->command->arguments;
	for (size_t i = l->name_size; i < l->count; i++) {
		size_t size = strcspn(at, " ");
		if (size > 3 && memcmp(at + size - 3, "...", 3) == 0)
			return;
		at += size;
		at += strspn(at, " ");
	}
	offer_kinds(l, "", at + strspn(at, "["));
}

/* Where the name of a command goes on behind the words, or NULL. */
static const char *behind_words(const struct line *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++) {
		size_t size = strlen(l->plain[i]);
		if (strncmp(name, l->plain[i], size) != 0 || name[size] != ' ')
			return NULL;
		name += size + 1;
	}
	return name;
}

static void offer_commands(const struct line *l)
{
	const char *last = "";
	for (size_t i = 0; i < command_count; i++) {
		const char *next = behind_words(l, commands[i]->name);
		size_t size = next ? strcspn(next, " ") : 0;
		/* those of a group follow each other */
		if (!next || (strlen(last) >= size && strncmp(last, next, size) == 0 && strchr(" ", last[size])))
			continue;
		offer(l, "", next, size, next[size] ? "" : commands[i]->summary);
		last = next;
	}
}

static void offer_flags(const struct line *l)
{
	for (enum flag flag = FLAG_HELP; flag < FLAG_COUNT; flag++) {
		struct flag_look look;
		if (l->given[flag] || !takes(l->command, flag) || !flag_look(flag, &look))
			continue;
		offer(l, "--", look.name, strlen(look.name), look.text);
	}
}

/* "--output=j" */
static void offer_value_behind_sign(const struct line *l)
{
	struct flag_look look;
	char prefix[64];
	enum flag flag = find_flag(l, l->word);
	snprintf(prefix, sizeof prefix, "%.*s=", (int)strcspn(l->word, "="), l->word);
	if (flag && flag_look(flag, &look) && look.value)
		offer_kinds(l, prefix, look.value);
}

void complete(FILE *to, char *const *words, size_t count)
{
	struct line l = { .to = to, .word = count ? words[count - 1] : "" };
	struct flag_look look;
	read_words(&l, words, count ? count - 1 : 0);
	if (l.open && flag_look(l.open, &look))
		offer_kinds(&l, "", look.value);
	else if (l.word[0] == '-' && strchr(l.word, '='))
		offer_value_behind_sign(&l);
	else if (l.word[0] == '-' && l.command)
		offer_flags(&l);
	else if (l.word[0] == '-')
		offer(&l, "", "--help", strlen("--help"), "show all commands");
	else if (l.word[0] != '-')
		offer_commands(&l);
	if (!l.open && l.word[0] != '-' && l.command)
		offer_argument(&l);
}
