/* Nothing is left out: every leaf, member and array entry of a big manifest is changed, removed and
 * doubled, and each change that the parser accepts must be described. */
#include <stdio.h>

#include "documents.h"

struct mutation {
	json_t *root, *others;
	struct manifest *from;
	char where[512];
	size_t tried, described;
};

/* By an entry of its own, not by what every update says. */
static bool is_described(const struct manifest_diff *diff)
{
	for (size_t i = 0; i < diff->count; i++) {
		const char *section = diff->entries[i].section;
		if (strcmp(section, "Certificates") != 0 && strcmp(section, "Keys") != 0 &&
		    strcmp(section, "Manifest") != 0)
			return true;
	}
	return false;
}

/* The root as it stands now. False when the parser refuses it. */
static bool try_root(struct mutation *t, const char *what)
{
	CLEANUP(manifest_free) struct manifest *to = try_manifest(t->root);
	CLEANUP(manifest_diff_free) struct manifest_diff *diff = NULL;
	CLEANUP(manifest_diff_free) struct manifest_diff *back = NULL;
	if (!to)
		return false;
	t->tried++;
	error *e = manifest_diff(t->from, to, NULL, &diff);
	if (!e)
		e = manifest_diff(to, t->from, NULL, &back);
	if (e)
		fail_msg("%s: %s: %s", t->where, what, error_message(e));
	if (!is_described(diff) || !is_described(back))
		fail_msg("%s: %s: nothing is said about it", t->where, what);
	t->described++;
	return true;
}

static json_t *mutated_string(const char *text, size_t n, json_t *others)
{
	static const char *const words[] = {
		"UpToDate", "OutOfDate", "ConfigurationNeeded", "STRING", "hex", "symmetric-key", "plain", "cert-rsa",
		"Packages", "Secrets", "Manifest", "UpdateManifest", "ReadSecret", "UpdateSecurityVersion",
		"UniqueKey", "ProductKey", "SignQuoteEndpoint", "MonotonicCounter", "P-384",
		"2041-01-01T00:00:00Z", "AAED", "Turin",
	};
	char changed[8192];
	if (n == 0) {
		snprintf(changed, sizeof changed, "%sx", text);
		return json_string(changed);
	}
	if (n == 1) { /* an ID */
		snprintf(changed, sizeof changed, "%s", text);
		changed[0] = changed[0] == '1' ? '2' : '1';
		return json_string(changed);
	}
	if (n == 2)
		return json_incref(json_object_get(others, "certificate"));
	return n - 3 < ARRAY_SIZE(words) ? json_string(words[n - 3]) : NULL;
}

/* The n-th other value; NULL: there are no more. */
static json_t *mutated(json_t *leaf, size_t n, json_t *others)
{
	if (json_is_string(leaf))
		return mutated_string(json_string_value(leaf), n, others);
	if (n)
		return NULL;
	if (json_is_integer(leaf))
		return json_integer(json_integer_value(leaf) + 1);
	if (json_is_boolean(leaf))
		return json_boolean(!json_is_true(leaf));
	return NULL;
}

static void put(json_t *parent, const char *name, size_t index, json_t *value)
{
	assert_int_equal(name ? json_object_set(parent, name, value) : json_array_set(parent, index, value), 0);
}

/* Every value that can be written in its place. */
static void change_leaf(struct mutation *t, json_t *parent, const char *name, size_t index, json_t *leaf)
{
	size_t accepted = 0;
	json_t *other;
	json_incref(leaf);
	for (size_t n = 0; (other = mutated(leaf, n, t->others)); n++) {
		put(parent, name, index, other);
		bool same = json_equal(other, leaf);
		json_decref(other);
		if (!same)
			accepted += try_root(t, "changed");
	}
	put(parent, name, index, leaf);
	json_decref(leaf);
	if (!accepted)
		fail_msg("%s: the test knows no other value that the parser accepts", t->where);
}

static void remove_member(struct mutation *t, json_t *parent, const char *name)
{
	json_t *copy = json_deep_copy(parent);
	json_object_del(parent, name);
	try_root(t, "removed");
	/* the order of members is that of the copy again */
	json_object_clear(parent);
	json_object_update(parent, copy);
	json_decref(copy);
}

static void remove_entry(struct mutation *t, json_t *parent, size_t index)
{
	json_t *kept = json_incref(json_array_get(parent, index));
	json_array_remove(parent, index);
	try_root(t, "removed");
	json_array_insert(parent, index, kept);
	json_array_insert(parent, index, kept);
	try_root(t, "doubled");
	json_array_remove(parent, index);
	json_decref(kept);
}

static void walk(struct mutation *t, json_t *value);

static void visit(struct mutation *t, json_t *parent, const char *name, size_t index)
{
	size_t length = strlen(t->where);
	json_t *value = name ? json_object_get(parent, name) : json_array_get(parent, index);
	snprintf(t->where + length, sizeof t->where - length, name ? ".%s" : "[%.0s%zu]", name ? name : "", index);
	if (json_is_object(value) || json_is_array(value))
		walk(t, value);
	else
		change_leaf(t, parent, name, index, value);
	if (name)
		remove_member(t, parent, name);
	else
		remove_entry(t, parent, index);
	t->where[length] = 0;
}

static void walk(struct mutation *t, json_t *value)
{
	if (json_is_array(value))
		for (size_t i = 0; i < json_array_size(value); i++)
			visit(t, value, NULL, i);
	const char *names[64];
	size_t count = 0;
	const char *name;
	json_t *ignored;
	CLEANUP_JSON json_t *copy = json_copy(value);
	if (!json_is_object(value))
		return;
	json_object_foreach(copy, name, ignored) {
		assert_true(count < ARRAY_SIZE(names));
		names[count++] = name;
	}
	for (size_t i = 0; i < count; i++)
		visit(t, value, names[i], 0);
}

static void every_change_is_described(void **state)
{
	CLEANUP_JSON json_t *root = document("manifest.json"), *others = document("others.json");
	CLEANUP(manifest_free) struct manifest *from = manifest_of(root);
	struct mutation t = { .root = root, .others = others, .from = from };
	(void)state;
	walk(&t, root);
	print_message("%zu changes, all described\n", t.described);
	assert_true(t.tried > 300);
}

/* The manifest is what the walk began with: it has put everything back. */
static void properties_that_are_not_given(void **state)
{
	static const struct {
		const char *path[3];
		const char *value;
	} more[] = {
		{ { "Packages", "frontend", "Debug" }, "false" },
		{ { "Packages", "frontend", "AcceptedTCBStatuses" }, "[\"UpToDate\", \"SWHardeningNeeded\"]" },
		{ { "Marbles", "frontend", "MaxActivations" }, "0" },
		{ { "Marbles", "backend", "DisableSecretBinding" }, "false" },
		{ { "Secrets", "token", "Shared" }, "true" },
		{ { "Secrets", "diskKey", "ValidFor" }, "0" },
		{ { "Users", "alice", "Roles" }, "[\"reader\", \"owner\"]" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		CLEANUP_JSON json_t *root = document("manifest.json");
		CLEANUP(manifest_free) struct manifest *from = manifest_of(root);
		struct mutation t = { .root = root, .from = from };
		json_t *entry = json_object_get(json_object_get(root, more[i].path[0]), more[i].path[1]);
		snprintf(t.where, sizeof t.where, "%s.%s", more[i].path[1], more[i].path[2]);
		json_object_set_new(entry, more[i].path[2], json_loads(more[i].value, JSON_DECODE_ANY, NULL));
		assert_true(try_root(&t, "added"));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_is_described),
		cmocka_unit_test(properties_that_are_not_given),
	};
	if (argc != 2)
		return 1;
	documents_at(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
