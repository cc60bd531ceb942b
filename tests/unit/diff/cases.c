/* One kind of change each: exactly the entries that it must have. */
#include <stdio.h>

#include "documents.h"
#include "manifest/check.h"

static json_t *cases;

enum { RUNNING_MAX = 4 };
struct running {
	struct running_marble marbles[RUNNING_MAX];
	struct marblerun_verdict verdicts[RUNNING_MAX];
	struct activation_count activations[RUNNING_MAX];
	struct running_state state;
};

static void fill_marble(struct running *r, json_t *entry)
{
	size_t i = r->state.marble_count++;
	json_t *version = json_object_get(entry, "version");
	struct marblerun_verdict *v = &r->verdicts[i];
	assert_true(i < RUNNING_MAX);
	r->marbles[i] = (struct running_marble){
		.type = json_string_value(json_object_get(entry, "type")),
		.verdict = version ? v : NULL,
		.count = (size_t)json_integer_value(json_object_get(entry, "count")),
		.estimated = json_is_true(json_object_get(entry, "estimated")),
	};
	/* the package "backend" of manifest.json */
	v->genuine = true;
	v->tcb_status = MARBLERUN_TCB_UP_TO_DATE;
	v->tcb_date = 1700000000;
	memcpy(v->claims.fmspc, (const uint8_t[]){ 0x00, 0x90, 0x6e, 0xa1, 0x00, 0x00 }, 6);
	v->claims.tee = MARBLERUN_TEE_SGX;
	memset(v->claims.sgx.mrsigner, 0x11, sizeof v->claims.sgx.mrsigner);
	v->claims.sgx.isv_prod_id = 7;
	v->claims.sgx.isv_svn = (uint16_t)json_integer_value(version);
}

static void fill_running(struct running *r, json_t *item)
{
	json_t *entry;
	size_t i;
	const char *type;
	json_array_foreach(json_object_get(item, "running"), i, entry)
		fill_marble(r, entry);
	json_object_foreach(json_object_get(item, "activations"), type, entry)
		r->activations[r->state.activation_count++] =
			(struct activation_count){ type, (uint64_t)json_integer_value(entry) };
	r->state.marbles = r->marbles;
	r->state.activations = r->activations;
	r->state.incomplete = json_is_true(json_object_get(item, "incomplete"));
}

static bool is_expected(const struct diff_entry *e, json_t *expected)
{
	const char *words[5];
	for (size_t i = 0; i < 5; i++)
		words[i] = json_string_value(json_array_get(expected, i));
	return strcmp(e->section, words[0]) == 0 && strcmp(e->name, words[1]) == 0 &&
	       strcmp(diff_kind_name(e->kind), words[2]) == 0 &&
	       strcmp(diff_severity_name(e->severity), words[3]) == 0 && strstr(e->text, words[4]);
}

/* What every update says is tested once, below. */
static bool is_common(const struct diff_entry *e)
{
	return strcmp(e->section, "Certificates") == 0;
}

static void check_entries(const struct manifest_diff *diff, json_t *item)
{
	json_t *expected = json_object_get(item, "expect");
	const char *what = json_string_value(json_object_get(item, "what"));
	size_t next = 0;
	for (size_t i = 0; i < diff->count; i++) {
		const struct diff_entry *e = &diff->entries[i];
		if (is_common(e))
			continue;
		if (next >= json_array_size(expected) || !is_expected(e, json_array_get(expected, next++)))
			fail_msg("%s: entry %zu is %s, \"%s\", %s, %s: %s", what, next, e->section, e->name,
				 diff_kind_name(e->kind), diff_severity_name(e->severity), e->text);
	}
	if (next != json_array_size(expected))
		fail_msg("%s: %zu entries, %zu expected", what, next, json_array_size(expected));
}

static void check_list(const char *what, const struct string_list *list, json_t *expected)
{
	if (list->count != json_array_size(expected))
		fail_msg("%s: %zu names, %zu expected", what, list->count, json_array_size(expected));
	for (size_t i = 0; i < list->count; i++)
		assert_string_equal(list->items[i], json_string_value(json_array_get(expected, i)));
}

static void check_head(const struct manifest_diff *diff, json_t *item)
{
	static const char *const updates[] = { "none", "packages", "manifest" };
	const char *what = json_string_value(json_object_get(item, "what"));
	const char *update = json_string_value(json_object_get(item, "update"));
	json_t *needed = json_object_get(item, "needed"), *users = json_object_get(item, "users");
	assert_string_equal(updates[diff->update], update ? update : "manifest");
	assert_int_equal(diff->acknowledgments, needed ? json_integer_value(needed) : 2);
	if (users)
		check_list(what, &diff->users, users);
	if (json_object_get(item, "kept"))
		check_list(what, &diff->kept_secrets, json_object_get(item, "kept"));
}

static void check_case(json_t *item)
{
	CLEANUP(manifest_diff_free) struct manifest_diff *diff = NULL;
	CLEANUP(manifest_free) struct manifest *from = NULL;
	CLEANUP(manifest_free) struct manifest *to = NULL;
	CLEANUP_JSON json_t *base = document("manifest.json");
	struct running running = { 0 };
	from = manifest_of(base);
	json_t *whole = json_object_get(item, "whole");
	merge_patch(base, json_object_get(item, "patch"));
	to = manifest_of(whole ? whole : base);
	fill_running(&running, item);
	error *e = manifest_diff(from, to, &running.state, &diff);
	if (e)
		fail_msg("%s: %s", json_string_value(json_object_get(item, "what")), error_message(e));
	/* the result borrows nothing */
	manifest_free(TAKE(from));
	manifest_free(TAKE(to));
	check_entries(diff, item);
	check_head(diff, item);
}

static void each_change_says_what_it_means(void **state)
{
	json_t *item;
	size_t i;
	(void)state;
	json_array_foreach(cases, i, item)
		check_case(item);
	assert_true(i > 60);
}

static error *diff_of(json_t *old, json_t *new, struct manifest_diff **ret)
{
	CLEANUP(manifest_free) struct manifest *from = manifest_of(old);
	CLEANUP(manifest_free) struct manifest *to = manifest_of(new);
	return manifest_diff(from, to, NULL, ret);
}

static void an_update_makes_certificates_new(void **state)
{
	CLEANUP_JSON json_t *base = document("manifest.json"), *changed = document("manifest.json");
	CLEANUP(manifest_diff_free) struct manifest_diff *diff = NULL;
	(void)state;
	json_object_set_new(changed, "_comment", json_true());
	assert_null(diff_of(base, changed, &diff));
	assert_int_equal(diff->count, 3);
	assert_string_equal(diff->entries[1].section, "Certificates");
	assert_string_equal(diff->entries[1].name, "pair"); /* "own" is made at each activation */
	assert_string_equal(diff->entries[2].name, "intermediate");
	assert_false(diff->has_running);
}

static void the_base_is_valid_and_equals_itself(void **state)
{
	CLEANUP_JSON json_t *base = document("manifest.json");
	CLEANUP(manifest_free) struct manifest *m = manifest_of(base);
	CLEANUP(manifest_diff_free) struct manifest_diff *diff = NULL;
	(void)state;
	assert_null(manifest_check(m));
	assert_null(manifest_diff(m, m, NULL, &diff));
	assert_int_equal(diff->count, 0);
	assert_int_equal(diff->update, DIFF_UPDATE_NONE);
}

/* Versions that updates of packages have raised are not in the text. */
static void raised_versions_count(void **state)
{
	CLEANUP_JSON json_t *base = document("manifest.json");
	CLEANUP(manifest_free) struct manifest *from = manifest_of(base);
	CLEANUP(manifest_free) struct manifest *to = manifest_of(base);
	CLEANUP(manifest_diff_free) struct manifest_diff *diff = NULL;
	(void)state;
	from->packages[0].security_version = 9;
	assert_null(manifest_diff(from, to, NULL, &diff));
	assert_string_equal(diff->entries[0].text, "SecurityVersion is lowered: 9 → 3. Older versions of the software "
						   "are admitted again.");
	assert_int_equal(diff->entries[0].severity, DIFF_WEAKENS);
}

static void package_updates_that_are_refused(void **state)
{
	static const char *const bad[][2] = {
		{ "{\"Packages\": {\"other\": {\"SecurityVersion\": 1}}}",
		  "Packages: other: the manifest has no such package" },
		{ "{\"Packages\": {\"backend\": {}}}", "Packages: backend: SecurityVersion is missing" },
		{ "{\"Packages\": {\"backend\": {\"SecurityVersion\": 2}}}",
		  "Packages: backend: SecurityVersion 2 is below the present 3" },
		{ "{\"Packages\": {\"backend\": {\"SecurityVersion\": 4, \"AcceptedTCBStatuses\": [\"OutOfDate\"]}}}",
		  "Packages: backend: AcceptedTCBStatuses: an update of packages changes nothing but "
		  "SecurityVersion" },
	};
	CLEANUP_JSON json_t *base = document("manifest.json");
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP_JSON json_t *update = json_loads(bad[i][0], 0, NULL);
		struct manifest_diff *diff = NULL;
		CLEANUP(error_free) error *e = diff_of(base, update, &diff);
		assert_non_null(e);
		assert_string_equal(error_message(e), bad[i][1]);
		assert_null(diff);
	}
}

static void templates_that_are_none(void **state)
{
	CLEANUP_JSON json_t *base = document("manifest.json"), *changed = document("manifest.json");
	CLEANUP_JSON json_t *patch = json_loads(
		"{\"Marbles\": {\"backend\": {\"Parameters\": {\"Env\": {\"X\": \"{{ hex \"}}}}}", 0, NULL);
	struct manifest_diff *diff = NULL;
	(void)state;
	merge_patch(changed, patch);
	CLEANUP(error_free) error *e = diff_of(base, changed, &diff);
	assert_non_null(e);
	assert_int_equal(error_code(e), ERROR_INVALID);
	assert_non_null(strstr(error_message(e), "Marbles: backend: Env: X: line 1"));
}

static void the_json_form(void **state)
{
	CLEANUP_JSON json_t *base = document("manifest.json"), *changed = document("manifest.json");
	CLEANUP_JSON json_t *patch = json_loads("{\"Packages\": {\"backend\": {\"Debug\": true}}}", 0, NULL);
	CLEANUP_JSON json_t *json = NULL;
	CLEANUP(manifest_diff_free) struct manifest_diff *diff = NULL;
	const char *update, *section, *name, *kind, *severity, *text, *from, *to;
	int needed, running;
	(void)state;
	merge_patch(changed, patch);
	assert_null(diff_of(base, changed, &diff));
	assert_null(diff_json(diff, &json));
	assert_int_equal(json_unpack(json, "{s:s, s:s, s:s, s:i, s:[s,s!], s:[s,s,s!], s:b,"
				     "s:[{s:s, s:s, s:s, s:s, s:s!}]}",
				     "update", &update, "fromFingerprint", &from, "toFingerprint", &to,
				     "neededAcknowledgments", &needed, "users", &name, &name, "keptSecrets", &name,
				     &name, &name, "runningKnown", &running, "entries", "section", &section, "name",
				     &name, "kind", &kind, "severity", &severity, "text", &text), 0);
	assert_string_equal(update, "manifest");
	assert_int_equal(strlen(from), 64);
	assert_string_not_equal(from, to);
	assert_int_equal(needed, 2);
	assert_false(running);
	assert_string_equal(section, "Packages");
	assert_string_equal(name, "backend");
	assert_string_equal(severity, "weakens");
	assert_string_equal(kind, "changed");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_base_is_valid_and_equals_itself),
		cmocka_unit_test(each_change_says_what_it_means),
		cmocka_unit_test(an_update_makes_certificates_new),
		cmocka_unit_test(raised_versions_count),
		cmocka_unit_test(package_updates_that_are_refused),
		cmocka_unit_test(templates_that_are_none),
		cmocka_unit_test(the_json_form),
	};
	if (argc != 2)
		return 1;
	documents_at(argv[1]);
	cases = document("cases.json");
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(cases);
	return failed;
}
