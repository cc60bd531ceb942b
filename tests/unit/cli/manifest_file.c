#include "testing.h"

#include "cli/manifest_file.h"
#define X509_free_cleanup X509_free_cleanup_of_pki
#include "pki/ca.h"

/* sha256sum of {"Packages":{}} */
static const char manifest[] = "{\"Packages\":{}}";
static const char fingerprint[] = "8e6dbf2c46bb5b2fe1d6f7a12e1bf8eb53e8e3ad0b6d8f9b4e7a7e6c5d4b3a21";

static void hex(const uint8_t raw[FINGERPRINT_SIZE], char to[2 * FINGERPRINT_SIZE + 1])
{
	for (size_t i = 0; i < FINGERPRINT_SIZE; i++)
		snprintf(to + 2 * i, 3, "%02x", raw[i]);
}

/* By another program than ours. */
static void of_another_program(const char *path, char to[65])
{
	char command[128];
	snprintf(command, sizeof command, "sha256sum %s", path);
	FILE *from = popen(command, "r");
	assert_int_equal(fread(to, 1, 64, from), 64);
	to[64] = 0;
	pclose(from);
}

static void expected_by_file_or_fingerprint(void **state)
{
	(void)state;
	uint8_t found[FINGERPRINT_SIZE];
	char text[65], mine[65], line[70];
	put("manifest.json", manifest, 0600);
	of_another_program("manifest.json", text);
	must(manifest_expected("manifest.json", found));
	hex(found, mine);
	assert_string_equal(mine, text);
	must(manifest_expected(text, found));
	hex(found, mine);
	assert_string_equal(mine, text);
	snprintf(line, sizeof line, "%s\r\n", text);
	put("fingerprint", line, 0600);
	memset(found, 0, sizeof found);
	must(manifest_expected("fingerprint", found));
	hex(found, mine);
	assert_string_equal(mine, text);
}

static void neither(void **state)
{
	(void)state;
	uint8_t found[FINGERPRINT_SIZE];
	char short_one[64];
	snprintf(short_one, sizeof short_one, "%.62s", fingerprint);
	assert_refused(manifest_expected("nowhere.json", found), ERROR_NOT_FOUND, "nowhere.json is neither");
	assert_refused(manifest_expected(short_one, found), ERROR_NOT_FOUND, "64 hexadecimal digits");
	put("manifest.yaml", "Packages: {}\n", 0600);
	assert_refused(manifest_expected("manifest.yaml", found), ERROR_INVALID, "JSON object", "manifest.yaml",
		       "line 1");
	put("list.json", "[]", 0600);
	assert_refused(manifest_expected("list.json", found), ERROR_INVALID, "list.json", "JSON array");
}

struct signed_manifest {
	struct ca ca;
	struct blob signature;
	char fingerprint[65];
};

static void sign(struct signed_manifest *s)
{
	uint8_t hash[FINGERPRINT_SIZE];
	*s = (struct signed_manifest){ 0 };
	must(ca_create(&(struct san_list){ 0 }, KEY_P256, 1700000000, &s->ca));
	must(key_sign(s->ca.root_key, bytes_of_string(manifest), &s->signature));
	must(manifest_fingerprint(bytes_of_string(manifest), hash));
	hex(hash, s->fingerprint);
}

static error *check(const struct signed_manifest *s, const char *text, const char *claimed,
		    X509 *root)
{
	uint8_t found[FINGERPRINT_SIZE];
	return manifest_check_signed(bytes_of_string(text), bytes_of_string(claimed), blob_view(&s->signature), root,
			      found);
}

static void served_manifests(void **state)
{
	(void)state;
	struct signed_manifest s;
	char other[65];
	sign(&s);
	must(check(&s, manifest, s.fingerprint, s.ca.root));
	snprintf(other, sizeof other, "%s", s.fingerprint);
	other[0] = other[0] == '0' ? '1' : '0';
	assert_refused(check(&s, manifest, other, s.ca.root), ERROR_DENIED, other, "is named");
	assert_refused(check(&s, "{}", s.fingerprint, s.ca.root), ERROR_DENIED, "fingerprint");
	assert_refused(check(&s, manifest, "xyz", s.ca.root), ERROR_INVALID, "manifestFingerprint");
	assert_refused(check(&s, manifest, s.fingerprint, s.ca.intermediate), ERROR_DENIED,
		       "not signed by its root key");
	s.signature.data[s.signature.size - 1] ^= 1;
	assert_refused(check(&s, manifest, s.fingerprint, s.ca.root), ERROR_DENIED,
		       "not signed by its root key");
	s.signature.size = 0;
	assert_refused(check(&s, manifest, s.fingerprint, s.ca.root), ERROR_DENIED,
		       "not signed by its root key");
	blob_free(&s.signature);
	ca_free(&s.ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(expected_by_file_or_fingerprint), in_folder(neither), in_folder(served_manifests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
