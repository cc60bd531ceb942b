/* The mesh's certificates: by their fields, and by what OpenSSL, GnuTLS and NSS say to them. The
 * programs openssl, certtool, certutil and vfychain have to be there. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "pki/ca.h"

static const int64_t now = 1700000000; /* 2023-11-14T22:13:20Z */
static const char uuid[] = "d2719a4a-6f7b-4b6c-8d5e-0a1b2c3d4e5f";

struct mesh {
	struct ca ca;
	EVP_PKEY *key;
	X509 *leaf;
};

static void must(error *e)
{
	if (e)
		fail_msg("%s", error_message(e));
	assert_int_equal(ERR_peek_error(), 0);
}

static void issue(const struct ca *ca, EVP_PKEY *key, const char *names, int64_t at, X509 **ret)
{
	CLEANUP(san_free) struct san_list list = { 0 };
	CLEANUP(blob_free) struct blob der = { 0 };
	must(san_add_list(&list, names));
	must(ca_issue_marble(ca, key, uuid, "frontend", &list, at, &der));
	must(certificate_of_der(blob_view(&der), ret));
}

static void mesh_new(enum key_kind kind, int64_t at, struct mesh *m)
{
	CLEANUP(san_free) struct san_list names = { 0 };
	must(san_add_list(&names, "localhost,coordinator.mesh.example,10.0.0.1"));
	must(ca_create(&names, kind, at, &m->ca));
	must(key_generate(kind, 0, &m->key));
	issue(&m->ca, m->key, "localhost,frontend.mesh.example,10.0.0.2,127.0.0.1", at, &m->leaf);
}

static void mesh_free(struct mesh *m)
{
	ca_free(&m->ca);
	EVP_PKEY_free(m->key);
	X509_free(m->leaf);
}
DEFINE_CLEANUP_IN_PLACE(mesh_free, struct mesh)

static void assert_name(const X509_NAME *name, const char *common_name)
{
	char text[128];
	assert_int_equal(X509_NAME_entry_count(name), 1);
	assert_true(X509_NAME_get_text_by_NID((X509_NAME *)(uintptr_t)name, NID_commonName, text,
					      sizeof text) > 0);
	assert_string_equal(text, common_name);
}

static void assert_names(const X509 *certificate, const char *expected)
{
	CLEANUP(writer_free) struct writer text = { 0 };
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int kind;
		const ASN1_STRING *value =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind);
		write_string(&text, i ? " " : "");
		if (kind == GEN_DNS)
			write_bytes(&text, bytes_of(value->data, (size_t)value->length));
		for (int j = 0; kind == GEN_IPADD && j < value->length; j++)
			write_format(&text, "%s%u", j ? "." : "ip:", value->data[j]);
	}
	write_u8(&text, 0);
	assert_string_equal(text.data, expected);
	GENERAL_NAMES_free(names);
}

static bool is_critical(const X509 *certificate, int nid)
{
	int at = X509_get_ext_by_NID(certificate, nid, -1);
	assert_true(at >= 0);
	return X509_EXTENSION_get_critical(X509_get_ext(certificate, at));
}

/* RFC 7093 section 2, method 1. */
static void assert_key_id(X509 *certificate)
{
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(certificate);
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(certificate);
	uint8_t hash[32];
	assert_int_equal(EVP_Digest(key->data, (size_t)key->length, hash, NULL, EVP_sha256(), NULL), 1);
	assert_int_equal(id->length, 20);
	assert_memory_equal(id->data, hash, 20);
}

/* RFC 5280 section 4.1.2.2 and what both kinds of certificate share. */
static void assert_common_profile(X509 *certificate, X509 *issuer)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
	const ASN1_OCTET_STRING *key_id = X509_get0_authority_key_id(certificate);
	assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
	assert_int_equal(serial->length, 20);
	assert_int_equal(serial->type, V_ASN1_INTEGER); /* not V_ASN1_NEG_INTEGER */
	assert_int_equal(serial->data[0] & 0x80, 0);
	assert_true(is_critical(certificate, NID_basic_constraints));
	assert_true(is_critical(certificate, NID_key_usage));
	assert_false(is_critical(certificate, NID_ext_key_usage));
	assert_int_equal(X509_get_extended_key_usage(certificate), XKU_SSL_SERVER | XKU_SSL_CLIENT);
	assert_key_id(certificate);
	if (issuer != certificate)
		assert_int_equal(ASN1_STRING_cmp(key_id, X509_get0_subject_key_id(issuer)), 0);
	assert_null(X509_get0_authority_issuer(certificate));
	assert_null(X509_get0_authority_serial(certificate));
	assert_int_equal(X509_verify(certificate, X509_get0_pubkey(issuer)), 1);
	ERR_clear_error();
}

static void assert_authority(X509 *certificate, X509 *issuer, const char *name)
{
	assert_common_profile(certificate, issuer);
	assert_true(X509_get_extension_flags(certificate) & EXFLAG_CA);
	assert_int_equal(X509_get_pathlen(certificate), -1);
	assert_int_equal(X509_get_key_usage(certificate), KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN);
	assert_name(X509_get_subject_name(certificate), name);
	assert_names(certificate, "localhost coordinator.mesh.example ip:10.0.0.1 ip:127.0.0.1 "
				  "ip:0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1");
}

static void the_authority_is_as_the_contract_says(void **state)
{
	(void)state;
	CLEANUP(mesh_free) struct mesh m = { 0 };
	mesh_new(KEY_P256, now, &m);
	static const char intermediate[] = "MarbleRun Coordinator - Intermediate CA";
	assert_authority(m.ca.root, m.ca.root, "MarbleRun Coordinator");
	assert_authority(m.ca.intermediate, m.ca.root, intermediate);
	assert_authority(m.ca.marble_root, m.ca.marble_root, intermediate);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(m.ca.intermediate), m.ca.intermediate_key), 1);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(m.ca.marble_root), m.ca.intermediate_key), 1);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(m.ca.root), m.ca.root_key), 1);
	assert_int_not_equal(EVP_PKEY_eq(m.ca.root_key, m.ca.intermediate_key), 1);
}

static void assert_marble_type(const X509 *leaf, const char *type)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.9903.2.1", 1);
	int at = X509_get_ext_by_OBJ(leaf, oid, -1);
	ASN1_OBJECT_free(oid);
	assert_true(at >= 0);
	X509_EXTENSION *extension = X509_get_ext(leaf, at);
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
	assert_false(X509_EXTENSION_get_critical(extension));
	assert_int_equal(value->length, strlen(type));
	assert_memory_equal(value->data, type, strlen(type));
}

static void a_marble_is_as_the_contract_says(void **state)
{
	(void)state;
	CLEANUP(mesh_free) struct mesh m = { 0 };
	mesh_new(KEY_P256, now, &m);
	assert_common_profile(m.leaf, m.ca.marble_root);
	assert_common_profile(m.leaf, m.ca.intermediate);
	assert_false(X509_get_extension_flags(m.leaf) & EXFLAG_CA);
	assert_int_equal(X509_get_key_usage(m.leaf), KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT);
	assert_name(X509_get_subject_name(m.leaf), uuid);
	assert_name(X509_get_issuer_name(m.leaf), "MarbleRun Coordinator - Intermediate CA");
	assert_names(m.leaf, "localhost frontend.mesh.example ip:10.0.0.2 ip:127.0.0.1");
	assert_marble_type(m.leaf, "frontend");
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(m.leaf), m.key), 1);
}

static void a_marble_without_names_has_no_name_extension(void **state)
{
	(void)state;
	CLEANUP(mesh_free) struct mesh m = { 0 };
	mesh_new(KEY_P256, now, &m);
	X509_free(TAKE(m.leaf));
	issue(&m.ca, m.key, "", now, &m.leaf);
	assert_int_equal(X509_get_ext_by_NID(m.leaf, NID_subject_alt_name, -1), -1);
}

static void serial_numbers_differ(void **state)
{
	(void)state;
	CLEANUP(mesh_free) struct mesh m = { 0 };
	X509 *second = NULL;
	mesh_new(KEY_P256, now, &m);
	issue(&m.ca, m.key, "", now, &second);
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(m.leaf),
					      X509_get0_serialNumber(second)), 0);
	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(m.ca.intermediate),
					      X509_get0_serialNumber(m.ca.marble_root)), 0);
	X509_free(second);
}

static void assert_time(const ASN1_TIME *time, int type, const char *text)
{
	assert_int_equal(time->type, type);
	assert_string_equal(time->data, text);
}

/* RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
static void dates_are_encoded_as_they_must_be(void **state)
{
	(void)state;
	static const struct {
		int64_t now;
		int type;
		const char *not_before, *not_after;
	} cases[] = {
		{ 1700000000, V_ASN1_UTCTIME, "231114211320Z", "23160224220036Z" },
		{ 2524607999 + 3600, V_ASN1_UTCTIME, "491231235959Z", "23420413004715Z" },
		{ 2524608000 + 3600, V_ASN1_GENERALIZEDTIME, "20500101000000Z", "23420413004716Z" },
		{ 253402300799, V_ASN1_GENERALIZEDTIME, "99991231225959Z", "99991231235959Z" },
		{ 0, V_ASN1_UTCTIME, "691231230000Z", "22620411234716Z" },
	};
	CLEANUP(mesh_free) struct mesh m = { 0 };
	mesh_new(KEY_P256, now, &m);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		X509_free(TAKE(m.leaf));
		issue(&m.ca, m.key, "", cases[i].now, &m.leaf);
		assert_time(X509_get0_notBefore(m.leaf), cases[i].type, cases[i].not_before);
		assert_time(X509_get0_notAfter(m.leaf), V_ASN1_GENERALIZEDTIME, cases[i].not_after);
	}
}

static void impossible_input_is_refused(void **state)
{
	(void)state;
	static const int64_t clocks[] = { -1, 253402300800, INT64_MAX, INT64_MIN };
	CLEANUP(mesh_free) struct mesh m = { 0 };
	struct blob der = { 0 };
	struct san_list none = { 0 };
	struct ca other = { 0 };
	mesh_new(KEY_P256, now, &m);
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		CLEANUP(error_free) error *e =
			ca_issue_marble(&m.ca, m.key, uuid, "type", &none, clocks[i], &der);
		assert_non_null(e);
		assert_non_null(strstr(error_message(e), "years 1970 to 9999"));
	}
	CLEANUP(error_free) error *long_name = ca_issue_marble(
		&m.ca, m.key, "0123456789012345678901234567890123456789012345678901234567890123x",
		"type", &none, now, &der);
	assert_non_null(long_name);
	assert_non_null(strstr(error_message(long_name), "common name \"01234"));
	CLEANUP(error_free) error *kind = ca_create(&none, KEY_RSA, now, &other);
	assert_non_null(kind);
	assert_int_equal(error_code(kind), ERROR_INVALID);
	assert_null(der.data);
	assert_null(other.root);
	assert_int_equal(ERR_peek_error(), 0);
}

static void a_new_intermediate_hangs_on_the_same_root(void **state)
{
	(void)state;
	CLEANUP(mesh_free) struct mesh m = { 0 };
	CLEANUP(san_free) struct san_list names = { 0 };
	mesh_new(KEY_P256, now, &m);
	CLEANUP(X509_free) X509 *old_root = X509_dup(m.ca.root);
	CLEANUP(X509_free) X509 *old_marble_root = X509_dup(m.ca.marble_root);
	must(san_add_list(&names, "localhost,coordinator.mesh.example,10.0.0.1"));
	must(ca_renew_intermediate(&m.ca, &names, KEY_P384, now));
	assert_int_equal(X509_cmp(m.ca.root, old_root), 0);
	assert_int_not_equal(EVP_PKEY_eq(X509_get0_pubkey(old_marble_root), m.ca.intermediate_key), 1);
	assert_int_equal(EVP_PKEY_get_bits(m.ca.intermediate_key), 384);
	assert_authority(m.ca.intermediate, m.ca.root, "MarbleRun Coordinator - Intermediate CA");
	X509_free(TAKE(m.leaf));
	issue(&m.ca, m.key, "localhost", now, &m.leaf);
	assert_int_equal(X509_get_signature_nid(m.leaf), NID_ecdsa_with_SHA384);
	assert_int_not_equal(X509_verify(m.leaf, X509_get0_pubkey(old_marble_root)), 1);
	ERR_clear_error();
}

static void *issue_many(void *context)
{
	const struct ca *shared = context;
	for (int i = 0; i < 50; i++) {
		CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
		CLEANUP(blob_free) struct blob der = { 0 };
		CLEANUP(X509_free) X509 *leaf = NULL;
		struct san_list none = { 0 };
		if (key_generate(KEY_P256, 0, &key) ||
		    ca_issue_marble(shared, key, uuid, "frontend", &none, now, &der) ||
		    certificate_of_der(blob_view(&der), &leaf) ||
		    X509_verify(leaf, X509_get0_pubkey(shared->marble_root)) != 1)
			return context;
	}
	return NULL;
}

/* To be run under ThreadSanitizer. */
static void one_authority_serves_many_threads(void **state)
{
	(void)state;
	CLEANUP(mesh_free) struct mesh m = { 0 };
	pthread_t threads[4];
	mesh_new(KEY_P256, now, &m);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, issue_many, &m.ca), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *failed;
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
}

/* ---- what others say ---- */

static void write_chain(const char *folder, const char *name, const X509 *first, const X509 *second)
{
	char path[256];
	CLEANUP(writer_free) struct writer pem = { 0 };
	snprintf(path, sizeof path, "%s/%s.pem", folder, name);
	must(certificate_write_pem(&pem, first));
	if (second)
		must(certificate_write_pem(&pem, second));
	must(file_replace(path, writer_view(&pem), 0600));
}

/* A command in the folder; `expected`: does it succeed? */
static void run(const char *folder, bool expected, const char *command)
{
	char line[1024];
	snprintf(line, sizeof line, "cd '%s' && { %s; } >log 2>&1", folder, command);
	bool succeeded = system(line) == 0;
	if (succeeded == expected)
		return;
	snprintf(line, sizeof line, "cat '%s/log'", folder);
	if (system(line) != 0)
		print_message("no output\n");
	fail_msg("%s: %s", succeeded ? "succeeded" : "failed", command);
}

static void prepare(const struct mesh *m, char folder[64])
{
	snprintf(folder, 64, "/tmp/test-ca-XXXXXX");
	assert_non_null(mkdtemp(folder));
	write_chain(folder, "root", m->ca.root, NULL);
	write_chain(folder, "intermediate", m->ca.intermediate, NULL);
	write_chain(folder, "marble-root", m->ca.marble_root, NULL);
	write_chain(folder, "leaf", m->leaf, NULL);
	write_chain(folder, "chain", m->leaf, m->ca.intermediate);
}

static void discard(const char *folder)
{
	char line[128];
	snprintf(line, sizeof line, "rm -r '%s'", folder);
	assert_int_equal(system(line), 0);
}

static void openssl_accepts(const char *folder)
{
	run(folder, true, "openssl verify -x509_strict -CAfile root.pem root.pem");
	run(folder, true, "openssl verify -x509_strict -CAfile root.pem -untrusted intermediate.pem "
			  "-purpose sslserver -verify_hostname frontend.mesh.example leaf.pem");
	run(folder, true, "openssl verify -x509_strict -CAfile root.pem -untrusted intermediate.pem "
			  "-purpose sslclient leaf.pem");
	run(folder, true, "openssl verify -x509_strict -CAfile marble-root.pem -purpose sslserver "
			  "-verify_ip 10.0.0.2 leaf.pem");
	run(folder, true, "openssl verify -x509_strict -CAfile marble-root.pem "
			  "-untrusted intermediate.pem leaf.pem");
	run(folder, true, "openssl verify -x509_strict -CAfile root.pem -purpose sslserver "
			  "-verify_ip ::1 root.pem");
	run(folder, false, "openssl verify -CAfile root.pem leaf.pem");
	run(folder, false, "openssl verify -CAfile marble-root.pem -verify_hostname other leaf.pem");
}

static void gnutls_accepts(const char *folder)
{
	run(folder, true, "certtool --verify --load-ca-certificate root.pem --infile root.pem");
	run(folder, true, "certtool --verify --load-ca-certificate root.pem --infile chain.pem "
			  "--verify-hostname frontend.mesh.example --verify-profile medium");
	run(folder, true, "certtool --verify --load-ca-certificate marble-root.pem --infile leaf.pem "
			  "--verify-purpose 1.3.6.1.5.5.7.3.2");
	run(folder, true, "certtool --verify --load-ca-certificate marble-root.pem --infile chain.pem");
	run(folder, false, "certtool --verify --load-ca-certificate root.pem --infile leaf.pem");
}

static void nss_accepts(const char *folder)
{
	run(folder, true, "mkdir by-root by-marble-root && "
			  "certutil -N -d sql:by-root --empty-password && "
			  "certutil -N -d sql:by-marble-root --empty-password && "
			  "certutil -A -d sql:by-root -n root -t CT,, -a -i root.pem && "
			  "certutil -A -d sql:by-marble-root -n root -t CT,, -a -i marble-root.pem");
	/* -u 0 and 1: as a TLS client's, as a TLS server's certificate */
	run(folder, true, "vfychain -d sql:by-root -pp -u 1 -a leaf.pem intermediate.pem");
	run(folder, true, "vfychain -d sql:by-root -pp -u 0 -a leaf.pem intermediate.pem");
	run(folder, true, "vfychain -d sql:by-marble-root -pp -u 1 -a leaf.pem");
	run(folder, true, "vfychain -d sql:by-marble-root -pp -u 1 -a leaf.pem intermediate.pem");
	run(folder, false, "vfychain -d sql:by-root -pp -u 1 -a leaf.pem");
}

static void others_accept(enum key_kind kind)
{
	CLEANUP(mesh_free) struct mesh m = { 0 };
	char folder[64];
	mesh_new(kind, clock_now(), &m);
	prepare(&m, folder);
	openssl_accepts(folder);
	gnutls_accepts(folder);
	nss_accepts(folder);
	discard(folder);
}

static void others_accept_p256(void **state)
{
	(void)state;
	others_accept(KEY_P256);
}

static void others_accept_p384(void **state)
{
	(void)state;
	others_accept(KEY_P384);
}

/* A peer whose clock is behind the coordinator's. */
static void a_clock_59_minutes_behind_is_good_enough(void **state)
{
	(void)state;
	CLEANUP(mesh_free) struct mesh m = { 0 };
	char folder[64], command[128];
	mesh_new(KEY_P256, now, &m);
	prepare(&m, folder);
	for (int minutes = 59; minutes <= 61; minutes += 2) {
		snprintf(command, sizeof command, "openssl verify -attime %lld -CAfile "
			 "marble-root.pem leaf.pem", (long long)(now - 60 * minutes));
		run(folder, minutes < 60, command);
	}
	discard(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_authority_is_as_the_contract_says),
		cmocka_unit_test(a_marble_is_as_the_contract_says),
		cmocka_unit_test(a_marble_without_names_has_no_name_extension),
		cmocka_unit_test(serial_numbers_differ),
		cmocka_unit_test(dates_are_encoded_as_they_must_be),
		cmocka_unit_test(impossible_input_is_refused),
		cmocka_unit_test(a_new_intermediate_hangs_on_the_same_root),
		cmocka_unit_test(one_authority_serves_many_threads),
		cmocka_unit_test(others_accept_p256),
		cmocka_unit_test(others_accept_p384),
		cmocka_unit_test(a_clock_59_minutes_behind_is_good_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
