#include "attest/sim/certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/random.h"

/* A certificate of the platform and its key. */
struct identity {
	EVP_PKEY *key;
	X509 *certificate;
};

static void identity_free(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
}
DEFINE_CLEANUP_IN_PLACE(identity_free, struct identity)

static error *openssl_failed(const char *what)
{
	ERR_clear_error();
	return error_new(ERROR_INTERNAL, "making %s failed", what);
}

static error *set_serial(X509 *certificate)
{
	uint8_t serial[16];
	TRY(random_fill(serial, sizeof serial));
	serial[0] &= 0x7f;
	BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
	bool done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return done ? NULL : error_no_memory();
}

static bool set_name(X509_NAME *name, const char *common_name)
{
	const unsigned char *organisation = (const unsigned char *)"Marblerun simulated platform";
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1,
					  -1, 0) &&
	       X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, organisation, -1, -1, 0);
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool added = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return added;
}

/* Certificates outlive the signed documents, as Intel's do: their dates are checked all the same. */
static bool set_dates(X509 *certificate, struct sim_validity validity)
{
	time_t from = (time_t)validity.now, until = from + (time_t)(validity.days + 3650) * 86400;
	return ASN1_TIME_set(X509_getm_notBefore(certificate), from) &&
	       ASN1_TIME_set(X509_getm_notAfter(certificate), until);
}

static bool set_usage(X509 *certificate, X509 *issuer, bool ca)
{
	return add_extension(certificate, issuer, NID_basic_constraints,
			     ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
	       add_extension(certificate, issuer, NID_key_usage,
			     ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
}

/* `issuer` NULL: self-signed. `sgx` NULL: no platform extension. Signs last. */
static error *issue(const char *common_name, const struct identity *issuer, bool ca, bytes sgx,
		    struct sim_validity validity, struct identity *ret)
{
	CLEANUP(identity_free) struct identity fresh = { EVP_EC_gen("P-256"), X509_new() };
	if (!fresh.key || !fresh.certificate)
		return error_no_memory();
	const struct identity *above = issuer ? issuer : &fresh;
	TRY(set_serial(fresh.certificate));
	bool good = X509_set_version(fresh.certificate, X509_VERSION_3) &&
		    X509_set_pubkey(fresh.certificate, fresh.key) && set_dates(fresh.certificate, validity) &&
		    set_name(X509_get_subject_name(fresh.certificate), common_name) &&
		    X509_set_issuer_name(fresh.certificate, X509_get_subject_name(above->certificate)) &&
		    set_usage(fresh.certificate, above->certificate, ca);
	if (good && sgx.size) {
		ASN1_OBJECT *oid = OBJ_txt2obj("1.2.840.113741.1.13.1", 1);
		ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
		X509_EXTENSION *extension = NULL;
		good = oid && value && ASN1_OCTET_STRING_set(value, sgx.data, (int)sgx.size) &&
		       (extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value)) &&
		       X509_add_ext(fresh.certificate, extension, -1);
		X509_EXTENSION_free(extension);
		ASN1_OCTET_STRING_free(value);
		ASN1_OBJECT_free(oid);
	}
	if (!good || !X509_sign(fresh.certificate, above->key, EVP_sha256()))
		return openssl_failed(common_name);
	*ret = fresh;
	fresh = (struct identity){ 0 };
	return NULL;
}

/* DER by hand: SEQUENCE { OID 1.2.840.113741.1.13.1.<arcs>, value }. All lengths are below 128. */
static void write_field(struct writer *w, bytes arcs, bytes value)
{
	static const uint8_t oid[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01 };
	size_t oid_size = sizeof oid + arcs.size;
	size_t size = 2 + oid_size + value.size;
	write_u8(w, 0x30);
	if (size >= 0x80) {
		write_u8(w, 0x82);
		write_be16(w, (uint16_t)size);
	} else {
		write_u8(w, (uint8_t)size);
	}
	write_u8(w, 6);
	write_u8(w, (uint8_t)oid_size);
	write_bytes(w, BYTES_OF_ARRAY(oid));
	write_bytes(w, arcs);
	write_bytes(w, value);
}

static void write_octets_field(struct writer *w, uint8_t arc, bytes octets)
{
	CLEANUP(writer_free) struct writer value = { 0 };
	write_u8(&value, 4);
	write_u8(&value, (uint8_t)octets.size);
	write_bytes(&value, octets);
	write_field(w, bytes_of(&arc, 1), writer_view(&value));
}

static void write_tcb_field(struct writer *w)
{
	CLEANUP(writer_free) struct writer fields = { 0 }, value = { 0 };
	for (uint8_t i = 1; i <= 18; i++) {
		uint8_t arcs[2] = { 2, i }, number[3] = { 2, 1, i == 17 ? SIM_PCE_SVN : SIM_COMPONENT_SVN };
		uint8_t cpu_svn[18] = { 4, 16 };
		memset(cpu_svn + 2, SIM_COMPONENT_SVN, 16);
		write_field(&fields, BYTES_OF_ARRAY(arcs),
			    i == 18 ? BYTES_OF_ARRAY(cpu_svn) : BYTES_OF_ARRAY(number));
	}
	write_u8(&value, 0x30);
	write_u8(&value, 0x82);
	write_be16(&value, (uint16_t)fields.size);
	write_bytes(&value, writer_view(&fields));
	uint8_t arc = 2;
	write_field(w, bytes_of(&arc, 1), writer_view(&value));
}

/* The extension of a PCK certificate (Intel's profile, section 1.3.5). */
static error *sgx_extension(struct blob *ret)
{
	CLEANUP(writer_free) struct writer fields = { 0 }, all = { 0 };
	uint8_t ppid[16];
	static const uint8_t pce_id[2] = { 0, 0 }, standard[] = { 10, 1, 0 };
	uint8_t type_arc = 5;
	TRY(random_fill(ppid, sizeof ppid));
	write_octets_field(&fields, 1, BYTES_OF_ARRAY(ppid));
	write_tcb_field(&fields);
	write_octets_field(&fields, 3, BYTES_OF_ARRAY(pce_id));
	write_octets_field(&fields, 4, bytes_of(sim_fmspc, 6));
	write_field(&fields, bytes_of(&type_arc, 1), BYTES_OF_ARRAY(standard));
	write_u8(&all, 0x30);
	write_u8(&all, 0x82);
	write_be16(&all, (uint16_t)fields.size);
	write_bytes(&all, writer_view(&fields));
	return blob_of_writer(&all, "SGX extension", ret);
}

static error *write_chain(const char *folder, const char *file, X509 *const *certificates, size_t count)
{
	BIO *text = BIO_new(BIO_s_mem());
	bool good = text;
	for (size_t i = 0; i < count && good; i++)
		good = PEM_write_bio_X509(text, certificates[i]);
	char *data;
	long size = good ? BIO_get_mem_data(text, &data) : 0;
	error *e = good ? sim_write(folder, file, bytes_of(data, (size_t)size), 0644) : error_no_memory();
	BIO_free(text);
	return e;
}

static bool fill_crl(X509_CRL *crl, const struct identity *issuer, struct sim_validity validity)
{
	time_t from = (time_t)validity.now, until = from + (time_t)validity.days * 86400;
	ASN1_TIME *first = ASN1_TIME_set(NULL, from), *last = ASN1_TIME_set(NULL, until);
	bool good = first && last && X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
		    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate)) &&
		    X509_CRL_set1_lastUpdate(crl, first) && X509_CRL_set1_nextUpdate(crl, last) &&
		    X509_CRL_sign(crl, issuer->key, EVP_sha256());
	ASN1_TIME_free(first);
	ASN1_TIME_free(last);
	return good;
}

static error *write_crl(const char *folder, const char *file, const struct identity *issuer,
			struct sim_validity validity)
{
	X509_CRL *crl = X509_CRL_new();
	unsigned char *der = NULL;
	int size = crl && fill_crl(crl, issuer, validity) ? i2d_X509_CRL(crl, &der) : -1;
	X509_CRL_free(crl);
	error *e = size > 0 ? sim_write(folder, file, bytes_of(der, (size_t)size), 0644) :
			      openssl_failed(file);
	OPENSSL_free(der);
	return e;
}

struct identities {
	struct identity root, platform_ca, pck, tcb_signing;
};

static void identities_free(struct identities *all)
{
	identity_free(&all->root);
	identity_free(&all->platform_ca);
	identity_free(&all->pck);
	identity_free(&all->tcb_signing);
}
DEFINE_CLEANUP_IN_PLACE(identities_free, struct identities)

static error *issue_all(struct sim_validity validity, struct identities *all)
{
	CLEANUP(blob_free) struct blob sgx = { 0 };
	TRY(sgx_extension(&sgx));
	TRY(issue("Simulated Root CA", NULL, true, BYTES_EMPTY, validity, &all->root));
	TRY(issue("Simulated PCK Platform CA", &all->root, true, BYTES_EMPTY, validity, &all->platform_ca));
	TRY(issue("Simulated PCK Certificate", &all->platform_ca, false, blob_view(&sgx), validity,
		  &all->pck));
	return issue("Simulated TCB Signing", &all->root, false, BYTES_EMPTY, validity, &all->tcb_signing);
}

static error *write_all(const char *folder, const struct identities *all, struct sim_validity validity)
{
	X509 *root[] = { all->root.certificate };
	X509 *pck[] = { all->pck.certificate, all->platform_ca.certificate, all->root.certificate };
	X509 *crl_issuer[] = { all->platform_ca.certificate, all->root.certificate };
	X509 *signing[] = { all->tcb_signing.certificate, all->root.certificate };
	TRY(sim_write_key(folder, SIM_ROOT_KEY, all->root.key));
	TRY(sim_write_key(folder, SIM_PLATFORM_CA_KEY, all->platform_ca.key));
	TRY(sim_write_key(folder, SIM_PCK_KEY, all->pck.key));
	TRY(sim_write_key(folder, SIM_TCB_SIGNING_KEY, all->tcb_signing.key));
	TRY(write_chain(folder, "root_ca.pem", root, 1));
	TRY(write_chain(folder, "pck_chain.pem", pck, 3));
	TRY(write_chain(folder, "pck_crl_issuer_chain.pem", crl_issuer, 2));
	TRY(write_chain(folder, "tcb_info_issuer_chain.pem", signing, 2));
	TRY(write_chain(folder, "qe_identity_issuer_chain.pem", signing, 2));
	TRY(write_crl(folder, "pck_crl.der", &all->platform_ca, validity));
	return write_crl(folder, "root_ca_crl.der", &all->root, validity);
}

error *sim_write_certificates(const char *folder, struct sim_validity validity, EVP_PKEY **ret_signer)
{
	CLEANUP(identities_free) struct identities all = { 0 };
	TRY(issue_all(validity, &all));
	TRY(write_all(folder, &all, validity));
	*ret_signer = TAKE(all.tcb_signing.key);
	return NULL;
}
