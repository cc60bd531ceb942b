#include "testing.h"

#include "cli/chain_cache.h"
/* pki/certificate.h has its own X509_free_cleanup */
#define X509_free_cleanup X509_free_cleanup_of_pki
#include "pki/ca.h"

static void make(struct ca *ca, struct chain *chain)
{
	must(ca_create(&(struct san_list){ 0 }, KEY_P256, 1700000000, ca));
	X509_up_ref(ca->intermediate);
	X509_up_ref(ca->root);
	*chain = (struct chain){ ca->intermediate, ca->root };
}

static void comes_back(void **state)
{
	(void)state;
	CLEANUP(ca_free) struct ca ca = { 0 };
	CLEANUP(chain_free) struct chain chain = { 0 };
	CLEANUP(chain_free) struct chain loaded = { 0 };
	make(&ca, &chain);
	must(chain_cache_store("made/by/it/chain.pem", &chain));
	assert_int_equal(mode_of("made/by"), 0700);
	assert_int_equal(mode_of("made/by/it/chain.pem"), 0600);
	must(chain_cache_load("made/by/it/chain.pem", &loaded));
	assert_int_equal(X509_cmp(loaded.root, ca.root), 0);
	assert_int_equal(X509_cmp(loaded.intermediate, ca.intermediate), 0);
}

static void what_is_no_chain(void **state)
{
	(void)state;
	CLEANUP(ca_free) struct ca ca = { 0 };
	CLEANUP(chain_free) struct chain chain = { 0 };
	CLEANUP(writer_free) struct writer pem = { 0 };
	struct chain loaded = { 0 };
	make(&ca, &chain);
	assert_refused(chain_cache_load("nowhere", &loaded), ERROR_NOT_FOUND, "nowhere");
	put("chain.pem", "", 0600);
	assert_refused(chain_cache_load("chain.pem", &loaded), ERROR_INVALID, "chain.pem", "0 certificates");
	put("chain.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0600);
	assert_refused(chain_cache_load("chain.pem", &loaded), ERROR_INVALID, "chain.pem", "parsed");
	X509 *const three[] = { ca.intermediate, ca.root, ca.root };
	must(chain_write_pem(&pem, three, 3));
	must(file_replace("chain.pem", writer_view(&pem), 0600));
	assert_refused(chain_cache_load("chain.pem", &loaded), ERROR_INVALID, "3 certificates", "2 expected");
	assert_null(loaded.root);
}

static void assert_path(const char *named, const char *config, const char *home, const char *expected)
{
	const struct flag_values flags = { .values[FLAG_COORDINATOR_CERT] = named };
	CLEANUP_FREE char *path = NULL;
	config ? setenv("XDG_CONFIG_HOME", config, 1) : unsetenv("XDG_CONFIG_HOME");
	home ? setenv("HOME", home, 1) : unsetenv("HOME");
	error *e = chain_cache_path(&flags, &path);
	if (!expected) {
		assert_refused(e, ERROR_INVALID, "--coordinator-cert");
		return;
	}
	must(e);
	assert_string_equal(path, expected);
}

static void where_it_is(void **state)
{
	(void)state;
	assert_path("named", "/c", "/h", "named");
	assert_path(NULL, "/c", "/h", "/c/marblerun/coordinator-cert.pem");
	assert_path("", NULL, "/h", "/h/.config/marblerun/coordinator-cert.pem");
	assert_path(NULL, "relative", "/h", "/h/.config/marblerun/coordinator-cert.pem");
	assert_path(NULL, "", "", NULL);
	assert_path(NULL, NULL, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(comes_back), in_folder(what_is_no_chain), in_folder(where_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
