/* Quotes of the simulated platform: DCAP version 3, ECDSA P-256, certification data type 5, as
 * attest/sgx/quote.c reads them. */
#include <openssl/sha.h>

#include "attest/issuer.h"
#include "attest/sim/documents.h"
#include "attest/sim/measure.h"

enum { ATTRIBUTE_INIT = 1, ATTRIBUTE_DEBUG = 2, ATTRIBUTE_MODE64BIT = 4, ATTRIBUTE_PROVISION_KEY = 0x10,
       XFRM_LEGACY = 3 };

/* One process on the platform. */
struct simulation {
	char *folder;
	struct marblerun_sim_program program;
	EVP_PKEY *attestation_key;
	/* The same for all its quotes: the QE's report and signature, and the PCK chain. */
	struct blob certification;
	uint8_t attestation_point[64];
};

static void close_simulation(void *context)
{
	struct simulation *s = context;
	if (!s)
		return;
	EVP_PKEY_free(s->attestation_key);
	blob_free(&s->certification);
	free(s->folder);
	free(s);
}

static void simulation_free_cleanup(struct simulation **owned)
{
	close_simulation(*owned);
}

static void write_report(struct writer *w, uint64_t flags, const uint8_t mrenclave[32],
			 const uint8_t mrsigner[32], uint16_t product, uint16_t svn,
			 const uint8_t report_data[64])
{
	for (int i = 0; i < 16; i++)
		write_u8(w, SIM_COMPONENT_SVN);
	write_le32(w, 0);   /* MISCSELECT */
	write_zeros(w, 12 + 16);
	write_le64(w, flags);
	write_le64(w, XFRM_LEGACY);
	write_bytes(w, bytes_of(mrenclave, 32));
	write_zeros(w, 32);
	write_bytes(w, bytes_of(mrsigner, 32));
	write_zeros(w, 32 + 64);
	write_le16(w, product);
	write_le16(w, svn);
	write_zeros(w, 2 + 42 + 16);
	write_bytes(w, bytes_of(report_data, 64));
}

/* The QE vouches for the attestation key; the PCE vouches for the QE. */
static error *certify(const char *folder, const uint8_t point[64], struct blob *ret)
{
	static const uint8_t qe_enclave[32] = { 'q', 'e' }, authentication[32];
	CLEANUP(writer_free) struct writer report = { 0 }, all = { 0 };
	CLEANUP(blob_free) struct blob chain = { 0 };
	CLEANUP_KEY EVP_PKEY *pck = NULL;
	uint8_t bound[96], report_data[64] = { 0 }, signature[64];
	memcpy(bound, point, 64);
	memcpy(bound + 64, authentication, 32);
	SHA256(bound, sizeof bound, report_data);
	write_report(&report, ATTRIBUTE_INIT | ATTRIBUTE_PROVISION_KEY, qe_enclave, sim_qe_signer,
		     SIM_QE_PRODUCT, SIM_QE_SVN, report_data);
	TRY(sim_read_key(folder, SIM_PCK_KEY, &pck));
	TRY(sim_sign(pck, writer_view(&report), signature));
	TRY(sim_read(folder, "pck_chain.pem", &chain));
	write_bytes(&all, writer_view(&report));
	write_bytes(&all, BYTES_OF_ARRAY(signature));
	write_le16(&all, sizeof authentication);
	write_bytes(&all, BYTES_OF_ARRAY(authentication));
	write_le16(&all, 5);
	write_le32(&all, (uint32_t)chain.size);
	write_bytes(&all, blob_view(&chain));
	return blob_of_writer(&all, "certification data", ret);
}

static const char *platform_folder(void)
{
	const char *folder = getenv("MARBLERUN_SIM_PLATFORM");
	return folder && *folder ? folder : NULL;
}

static bool present(const struct kernel *kernel)
{
	(void)kernel;
	return platform_folder();
}

static error *open_simulation(const struct kernel *kernel, const char *program, void **ret_context)
{
	(void)kernel;
	__attribute__((cleanup(simulation_free_cleanup))) struct simulation *s = calloc(1, sizeof *s);
	TRY_ALLOC(s);
	s->folder = strdup(platform_folder());
	TRY_ALLOC(s->folder);
	TRY_CTX(sim_read_key(s->folder, SIM_ATTESTATION_KEY, &s->attestation_key),
		"MARBLERUN_SIM_PLATFORM (marblerun sim init makes a platform)");
	TRY(sim_public_point(s->attestation_key, s->attestation_point));
	TRY(sim_measure(s->folder, program ? program : "/proc/self/exe", &s->program));
	TRY(certify(s->folder, s->attestation_point, &s->certification));
	*ret_context = TAKE(s);
	return NULL;
}

static void write_header(struct writer *w)
{
	static const uint8_t intel[16] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
					   0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };
	write_le16(w, 3);
	write_le16(w, 2);
	write_le32(w, 0);
	write_le16(w, SIM_QE_SVN);
	write_le16(w, SIM_PCE_SVN);
	write_bytes(w, BYTES_OF_ARRAY(intel));
	write_zeros(w, 20);
}

static error *issue(void *context, const uint8_t report_data[64], struct blob *ret)
{
	const struct simulation *s = context;
	CLEANUP(writer_free) struct writer quote = { 0 };
	uint8_t signature[64];
	uint64_t flags = ATTRIBUTE_INIT | ATTRIBUTE_MODE64BIT | (s->program.debug ? ATTRIBUTE_DEBUG : 0);
	write_header(&quote);
	write_report(&quote, flags, s->program.unique_id, s->program.signer_id, s->program.product_id,
		     s->program.security_version, report_data);
	TRY(writer_check(&quote, "quote"));
	TRY(sim_sign(s->attestation_key, writer_view(&quote), signature));
	write_le32(&quote, (uint32_t)(128 + s->certification.size));
	write_bytes(&quote, BYTES_OF_ARRAY(signature));
	write_bytes(&quote, BYTES_OF_ARRAY(s->attestation_point));
	write_bytes(&quote, blob_view(&s->certification));
	return blob_of_writer(&quote, "quote", ret);
}

/* As EGETKEY: the program's measurement, or its signer and product; in both a debug program is
 * somebody else. */
static error *sealing_key(void *context, enum sealing_kind kind, struct secret *ret)
{
	const struct simulation *s = context;
	CLEANUP(secret_free) struct secret platform = { 0 };
	CLEANUP(writer_free) struct writer identity = { 0 };
	TRY(sim_sealing_secret(s->folder, &platform));
	write_u8(&identity, s->program.debug);
	if (kind == SEALING_UNIQUE) {
		write_bytes(&identity, BYTES_OF_ARRAY(s->program.unique_id));
	} else {
		write_bytes(&identity, BYTES_OF_ARRAY(s->program.signer_id));
		write_be16(&identity, s->program.product_id);
	}
	TRY(writer_check(&identity, "sealing key"));
	return sealing_key_derive(secret_view(&platform), "simulated", kind, writer_view(&identity), ret);
}

static const char *name(const void *context)
{
	(void)context;
	return "simulated";
}

static const char *sim_platform(void *context)
{
	return ((const struct simulation *)context)->folder;
}

const struct issuer_kind simulated_issuer = { "simulated platform", present, open_simulation, name, issue,
					      sealing_key, sim_platform, close_simulation };
