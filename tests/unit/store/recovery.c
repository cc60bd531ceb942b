/* Recovery secrets: split for the owners of keys, brought back together, and believed only under their manifest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "manifest/parse.h"
#include "pki/key.h"
#include "store/recovery.h"

enum { OWNERS = 4 };
static struct owner {
	EVP_PKEY *key;
	char *pem;
} owners[OWNERS], mallory;

#define OK(call) assert_ok((call), __LINE__)
static void assert_ok(error *e, int line)
{
	if (e)
		fail_msg("line %d: %s", line, error_message(e));
}

static void refused(error *e, enum error_code code)
{
	assert_non_null(e);
	if (error_code(e) != code)
		fail_msg("%s", error_message(e));
	error_free(e);
}

static struct owner make_owner(void)
{
	struct owner o = { NULL, NULL };
	BIO *text = BIO_new(BIO_s_mem());
	char *at;
	OK(key_generate(KEY_RSA, 2048, &o.key));
	assert_int_equal(PEM_write_bio_PUBKEY(text, o.key), 1);
	long size = BIO_get_mem_data(text, &at);
	o.pem = strndup(at, (size_t)size);
	BIO_free(text);
	return o;
}

static int make_owners(void **state)
{
	(void)state;
	for (size_t i = 0; i < OWNERS; i++)
		owners[i] = make_owner();
	mallory = make_owner();
	return 0;
}

static int drop_owners(void **state)
{
	(void)state;
	for (size_t i = 0; i < OWNERS; i++) {
		EVP_PKEY_free(owners[i].key);
		free(owners[i].pem);
	}
	EVP_PKEY_free(mallory.key);
	free(mallory.pem);
	return 0;
}

/* A manifest with the first `count` owners, of whom `threshold` (0: all) are needed. */
static struct manifest *manifest_of(const struct owner *from, size_t count, int threshold)
{
	CLEANUP_JSON json_t *json = json_pack("{s:{s:{s:s}}, s:{s:{s:s}}, s:{}, s:{s:i}}", "Packages", "p", "UniqueID",
					      "0101010101010101010101010101010101010101010101010101010101010101",
					      "Marbles", "m", "Package", "p", "RecoveryKeys", "Config",
					      "RecoveryThreshold", threshold);
	CLEANUP(blob_free) struct blob text = { 0 };
	struct manifest *m = NULL;
	for (size_t i = 0; i < count; i++) {
		char name[] = { 'a' + (char)i, 0 };
		json_object_set_new(json_object_get(json, "RecoveryKeys"), name, json_string(from[i].pem));
	}
	OK(json_print(json, JSON_COMPACT, &text));
	OK(manifest_parse(blob_view(&text), &m));
	return m;
}

static struct secret decrypt(const struct owner *o, const struct blob *encrypted)
{
	struct secret plain = { 0 };
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(o->key, NULL);
	OK(secret_new(512, &plain));
	assert_true(EVP_PKEY_decrypt_init(context) > 0 &&
		    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
		    EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0 &&
		    EVP_PKEY_decrypt(context, plain.data, &plain.size, encrypted->data, encrypted->size) > 0);
	EVP_PKEY_CTX_free(context);
	return plain;
}

static struct blob sign(const struct owner *o, bytes part)
{
	struct blob signature = { malloc(256), 256 };
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	assert_true(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, o->key) == 1 &&
		    EVP_DigestSign(context, signature.data, &signature.size, part.data, part.size) == 1);
	EVP_MD_CTX_free(context);
	return signature;
}

static error *add(struct recovery *r, const struct owner *signer, const struct secret *part, size_t *remaining)
{
	CLEANUP(blob_free) struct blob signature = sign(signer, secret_view(part));
	return recovery_add(r, secret_view(part), blob_view(&signature), remaining);
}

static const uint8_t state_key[STATE_KEY_SIZE] = { 1, 2, 3 };

struct split {
	struct manifest *manifest;
	struct recovery_parts parts;
	struct secret plain[OWNERS];
};

static struct split split(size_t count, int threshold)
{
	struct split s = { .manifest = manifest_of(owners, count, threshold) };
	OK(recovery_split(s.manifest, BYTES_OF_ARRAY(state_key), &s.parts));
	for (size_t i = 0; i < count; i++)
		s.plain[i] = decrypt(&owners[i], &s.parts.encrypted[i]);
	return s;
}

static void drop(struct split *s)
{
	for (size_t i = 0; i < OWNERS; i++)
		secret_free(&s->plain[i]);
	recovery_parts_free(&s->parts);
	manifest_free(s->manifest);
}

static void every_way_to_share(void **state)
{
	(void)state;
	static const struct {
		size_t count;
		int threshold;
		size_t needed, size;
	} cases[] = { { 1, 0, 1, 32 }, { 2, 0, 2, 32 }, { 4, 0, 4, 32 },
		      { 4, 4, 4, 32 }, { 4, 2, 2, 33 }, { 3, 2, 2, 33 } };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEANUP(recovery_free) struct recovery *r = NULL;
		CLEANUP(secret_free) struct secret key = { 0 };
		struct split s = split(cases[i].count, cases[i].threshold);
		size_t remaining = 99;
		OK(recovery_begin(blob_view(&s.parts.public_section), &r));
		for (size_t k = 0; k < cases[i].needed; k++) {
			size_t owner = cases[i].count - 1 - k; /* in any order */
			assert_int_equal(s.plain[owner].size, cases[i].size);
			OK(add(r, &owners[owner], &s.plain[owner], &remaining));
			assert_int_equal(remaining, cases[i].needed - 1 - k);
		}
		OK(recovery_key(r, &key));
		assert_memory_equal(key.data, state_key, sizeof state_key);
		OK(recovery_confirm(r, s.manifest));
		drop(&s);
	}
}

static void what_is_wrong_changes_nothing(void **state)
{
	(void)state;
	CLEANUP(recovery_free) struct recovery *r = NULL;
	CLEANUP(secret_free) struct secret key = { 0 };
	struct split s = split(3, 0), other = split(3, 0);
	size_t remaining;
	OK(recovery_begin(blob_view(&s.parts.public_section), &r));
	refused(add(r, &owners[0], &other.plain[0], &remaining), ERROR_DENIED);
	refused(add(r, &owners[1], &s.plain[0], &remaining), ERROR_DENIED);
	refused(add(r, &mallory, &s.plain[0], &remaining), ERROR_DENIED);
	refused(recovery_add(r, secret_view(&s.plain[0]), BYTES_EMPTY, &remaining), ERROR_DENIED);
	refused(recovery_key(r, &key), ERROR_INTERNAL);
	OK(add(r, &owners[0], &s.plain[0], &remaining));
	refused(add(r, &owners[0], &s.plain[0], &remaining), ERROR_CONFLICT);
	OK(add(r, &owners[1], &s.plain[1], &remaining));
	OK(add(r, &owners[2], &s.plain[2], &remaining));
	assert_int_equal(remaining, 0);
	recovery_forget(r);
	OK(add(r, &owners[0], &s.plain[0], &remaining));
	assert_int_equal(remaining, 2);
	drop(&s);
	drop(&other);
}

/* The host writes recovery data of its own, with its own key and a state key that it knows, beside a state that
 * holds our manifest. It signs with its key, or replays what our owners signed once. */
static void a_made_up_state_is_not_believed(void **state)
{
	(void)state;
	CLEANUP(manifest_free) struct manifest *ours = manifest_of(owners, 1, 0);
	CLEANUP(manifest_free) struct manifest *theirs = manifest_of(&mallory, 1, 0);
	CLEANUP(recovery_parts_free) struct recovery_parts parts = { 0 };
	CLEANUP(recovery_free) struct recovery *r = NULL;
	size_t remaining;
	OK(recovery_split(theirs, BYTES_OF_ARRAY(state_key), &parts));
	struct secret known = decrypt(&mallory, &parts.encrypted[0]);
	OK(recovery_begin(blob_view(&parts.public_section), &r));
	OK(add(r, &mallory, &known, &remaining));
	assert_int_equal(remaining, 0);
	OK(recovery_confirm(r, theirs));
	refused(recovery_confirm(r, ours), ERROR_DENIED);
	secret_free(&known);
}

/* Fewer than the manifest asks for are not enough, whatever the recovery data says. */
static void as_many_as_the_manifest_asks_for(void **state)
{
	(void)state;
	CLEANUP(manifest_free) struct manifest *two = manifest_of(owners, 2, 0);
	CLEANUP(manifest_free) struct manifest *none = manifest_of(owners, 0, 0);
	CLEANUP(recovery_free) struct recovery *r = NULL;
	struct split s = split(1, 0);
	size_t remaining;
	OK(recovery_begin(blob_view(&s.parts.public_section), &r));
	OK(add(r, &owners[0], &s.plain[0], &remaining));
	refused(recovery_confirm(r, two), ERROR_DENIED);
	refused(recovery_confirm(r, none), ERROR_DENIED);
	drop(&s);
}

static void recovery_data_of_any_length(void **state)
{
	(void)state;
	struct split s = split(2, 0);
	bytes whole = blob_view(&s.parts.public_section);
	for (size_t size = 0; size < whole.size; size++) {
		struct recovery *r = NULL;
		refused(recovery_begin(bytes_slice(whole, 0, size), &r), ERROR_INVALID);
	}
	drop(&s);
}

static void parts_may_travel_encrypted(void **state)
{
	(void)state;
	CLEANUP(recovery_free) struct recovery *r = NULL;
	CLEANUP(blob_free) struct blob der = { 0 };
	CLEANUP(secret_free) struct secret plain = { 0 };
	struct split s = split(1, 0);
	uint8_t encrypted[512];
	size_t size = sizeof encrypted;
	OK(recovery_begin(blob_view(&s.parts.public_section), &r));
	refused(recovery_decrypt(r, BYTES_OF_ARRAY(encrypted), &plain), ERROR_INVALID); /* nobody has asked for a key */
	OK(recovery_ephemeral_key(r, &der));
	const unsigned char *at = der.data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der.size);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	assert_true(EVP_PKEY_encrypt_init(context) > 0 &&
		    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
		    EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0 &&
		    EVP_PKEY_encrypt(context, encrypted, &size, s.plain[0].data, s.plain[0].size) > 0);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	OK(recovery_decrypt(r, BYTES_OF_ARRAY(encrypted), &plain));
	assert_true(secret_equal(secret_view(&plain), secret_view(&s.plain[0])));
	encrypted[0] ^= 1;
	struct secret none = { 0 };
	refused(recovery_decrypt(r, BYTES_OF_ARRAY(encrypted), &none), ERROR_INVALID);
	drop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_to_share),
		cmocka_unit_test(what_is_wrong_changes_nothing),
		cmocka_unit_test(a_made_up_state_is_not_believed),
		cmocka_unit_test(as_many_as_the_manifest_asks_for),
		cmocka_unit_test(recovery_data_of_any_length),
		cmocka_unit_test(parts_may_travel_encrypted),
	};
	return cmocka_run_group_tests(tests, make_owners, drop_owners);
}
