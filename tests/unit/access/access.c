#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "access/access.h"

static uint8_t alice_certificate[] = "DER of Alice", bob_certificate[] = "DER of Bob";
static const char *reader_names[] = { "diskKey", "apiKey" };
static const char *writer_names[] = { "apiKey" };
static const char *updater_names[] = { "frontend" };
static const char *alice_roles[] = { "apiWriter", "reader" };
static const char *bob_roles[] = { "updater", "owner", "confused", "missing" };

/* Sorted by name, as parsed manifests are. */
static struct role roles[] = {
	{ "apiWriter", RESOURCE_SECRETS, { writer_names, 1 }, ACTION_WRITE_SECRET },
	/* the action fits another type of resource */
	{ "confused", RESOURCE_PACKAGES, { reader_names, 2 }, ACTION_READ_SECRET },
	{ "owner", RESOURCE_MANIFEST, { NULL, 0 }, ACTION_UPDATE_MANIFEST },
	{ "reader", RESOURCE_SECRETS, { reader_names, 2 }, ACTION_READ_SECRET },
	{ "updater", RESOURCE_PACKAGES, { updater_names, 1 }, ACTION_UPDATE_SECURITY_VERSION },
};
static struct user users[] = {
	{ "alice", NULL, { alice_certificate, sizeof alice_certificate }, { alice_roles, 2 } },
	{ "bob", NULL, { bob_certificate, sizeof bob_certificate }, { bob_roles, 4 } },
	{ "carol", NULL, { NULL, 0 }, { NULL, 0 } },
};
static const struct manifest manifest = {
	.users = users, .user_count = ARRAY_SIZE(users), .roles = roles, .role_count = ARRAY_SIZE(roles),
};

static void users_are_known_by_their_certificate(void **state)
{
	(void)state;
	const struct user *user = NULL;
	assert_null(access_user(&manifest, BYTES_OF_ARRAY(bob_certificate), &user));
	assert_ptr_equal(user, &users[1]);
	assert_null(access_user(&manifest, BYTES_OF_ARRAY(alice_certificate), &user));
	assert_ptr_equal(user, &users[0]);
}

static void others_are_nobody(void **state)
{
	(void)state;
	uint8_t longer[sizeof alice_certificate + 1] = { 0 };
	const struct user *user = NULL;
	memcpy(longer, alice_certificate, sizeof alice_certificate);
	const bytes strangers[] = {
		BYTES_EMPTY, /* not even Carol, whose certificate is empty */
		BYTES_OF_ARRAY(longer),
		bytes_of(longer, sizeof alice_certificate - 1),
		bytes_of("DER of Mallory", 14),
	};
	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
		CLEANUP(error_free) error *e = access_user(&manifest, strangers[i], &user);
		assert_non_null(e);
		assert_int_equal(error_code(e), ERROR_UNAUTHENTICATED);
		assert_null(user);
	}
}

static void roles_add_up(void **state)
{
	(void)state;
	assert_null(access_check(&manifest, &users[0], ACTION_READ_SECRET, "diskKey"));
	assert_null(access_check(&manifest, &users[0], ACTION_READ_SECRET, "apiKey"));
	assert_null(access_check(&manifest, &users[0], ACTION_WRITE_SECRET, "apiKey"));
	assert_null(access_check(&manifest, &users[1], ACTION_UPDATE_SECURITY_VERSION, "frontend"));
	assert_null(access_check(&manifest, &users[1], ACTION_UPDATE_MANIFEST, NULL));
}

static void what_no_role_grants_is_denied(void **state)
{
	(void)state;
	static const struct {
		size_t user;
		enum action action;
		const char *resource, *message;
	} cases[] = {
		{ 0, ACTION_WRITE_SECRET, "diskKey",
		  "user \"alice\" has no permission WriteSecret for \"diskKey\"" },
		{ 0, ACTION_READ_SECRET, "diskKe",
		  "user \"alice\" has no permission ReadSecret for \"diskKe\"" },
		{ 0, ACTION_READ_SECRET, "diskkey",
		  "user \"alice\" has no permission ReadSecret for \"diskkey\"" },
		{ 0, ACTION_READ_SECRET, NULL, "user \"alice\" has no permission ReadSecret" },
		{ 0, ACTION_UPDATE_MANIFEST, NULL, "user \"alice\" has no permission UpdateManifest" },
		{ 1, ACTION_READ_SECRET, "diskKey",
		  "user \"bob\" has no permission ReadSecret for \"diskKey\"" },
		{ 1, ACTION_UPDATE_SECURITY_VERSION, "backend",
		  "user \"bob\" has no permission UpdateSecurityVersion for \"backend\"" },
		{ 2, ACTION_UPDATE_MANIFEST, NULL, "user \"carol\" has no permission UpdateManifest" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(error_free) error *e = access_check(&manifest, &users[cases[i].user],
							    cases[i].action, cases[i].resource);
		assert_non_null(e);
		assert_int_equal(error_code(e), ERROR_DENIED);
		assert_string_equal(error_message(e), cases[i].message);
	}
}

/* Two actions at once would be granted by a role that has either. */
static void only_one_action_is_checked_at_a_time(void **state)
{
	(void)state;
	CLEANUP(error_free) error *both = access_check(
		&manifest, &users[0], (enum action)(ACTION_READ_SECRET | ACTION_WRITE_SECRET), "diskKey");
	assert_non_null(both);
	assert_int_equal(error_code(both), ERROR_INTERNAL);
	CLEANUP(error_free) error *none = access_check(&manifest, &users[0], (enum action)0, "diskKey");
	assert_non_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_known_by_their_certificate),
		cmocka_unit_test(others_are_nobody),
		cmocka_unit_test(roles_add_up),
		cmocka_unit_test(what_no_role_grants_is_denied),
		cmocka_unit_test(only_one_action_is_checked_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
