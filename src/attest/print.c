/* Every field of evidence as JSON, verified or not: marblerun_evidence_print of marblerun/verify.h. */
#include <inttypes.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "attest/sgx/pck.h"
#include "attest/snp/certificate_table.h"
#include "attest/snp/report.h"
#include "attest/tdx/quote.h"
#include "attest/verifier.h"
#include "codec/hex.h"
#include "codec/json.h"

static void put(json_t *to, const char *name, json_t *value)
{
	json_object_set_new(to, name, value); /* a failure shows at the end: see complete() */
}

static void put_hex(json_t *to, const char *name, bytes raw)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_hex(&w, raw);
	put(to, name, json_stringn((const char *)w.data, w.size));
}

/* A field of bits, as specifications number them. */
static void put_bits(json_t *to, const char *name, uint64_t bits)
{
	char text[19];
	snprintf(text, sizeof text, "0x%016" PRIx64, bits);
	put(to, name, json_string(text));
}

#define PUT_ARRAY(to, name, array) put_hex(to, name, BYTES_OF_ARRAY(array))

static void put_sgx(json_t *to, const struct marblerun_sgx_claims *c)
{
	PUT_ARRAY(to, "mrenclave", c->mrenclave);
	PUT_ARRAY(to, "mrsigner", c->mrsigner);
	put(to, "isvProdId", json_integer(c->isv_prod_id));
	put(to, "isvSvn", json_integer(c->isv_svn));
	put_bits(to, "attributes", c->flags);
	put_bits(to, "xfrm", c->xfrm);
	put_bits(to, "miscSelect", c->misc_select);
	PUT_ARRAY(to, "cpuSvn", c->cpu_svn);
	PUT_ARRAY(to, "configId", c->config_id);
	put(to, "configSvn", json_integer(c->config_svn));
	PUT_ARRAY(to, "isvExtProdId", c->isv_ext_prod_id);
	PUT_ARRAY(to, "isvFamilyId", c->isv_family_id);
}

static void put_tdx(json_t *to, const struct marblerun_tdx_claims *c)
{
	PUT_ARRAY(to, "mrtd", c->mrtd);
	PUT_ARRAY(to, "rtmr0", c->rtmr[0]);
	PUT_ARRAY(to, "rtmr1", c->rtmr[1]);
	PUT_ARRAY(to, "rtmr2", c->rtmr[2]);
	PUT_ARRAY(to, "rtmr3", c->rtmr[3]);
	PUT_ARRAY(to, "mrseam", c->mrseam);
	PUT_ARRAY(to, "mrsignerseam", c->mrsignerseam);
	PUT_ARRAY(to, "mrconfigid", c->mrconfigid);
	PUT_ARRAY(to, "mrowner", c->mrowner);
	PUT_ARRAY(to, "mrownerconfig", c->mrownerconfig);
	put_bits(to, "seamAttributes", c->seam_attributes);
	put_bits(to, "tdAttributes", c->td_attributes);
	put_bits(to, "xfam", c->xfam);
	PUT_ARRAY(to, "teeTcbSvn", c->tee_tcb_svn);
	if (!c->has_td15)
		return;
	PUT_ARRAY(to, "teeTcbSvn2", c->tee_tcb_svn_2);
	PUT_ARRAY(to, "mrservicetd", c->mrservicetd);
}

static void put_tcb(json_t *to, const char *name, const struct marblerun_snp_tcb *tcb)
{
	put(to, name, json_pack("{s:i, s:i, s:i, s:i, s:i}", "fmc", tcb->fmc, "bootLoader",
				tcb->boot_loader, "tee", tcb->tee, "snp", tcb->snp, "microcode",
				tcb->microcode));
}

static void put_snp(json_t *to, const struct marblerun_snp_claims *c)
{
	PUT_ARRAY(to, "measurement", c->measurement);
	PUT_ARRAY(to, "hostData", c->host_data);
	put_bits(to, "policy", c->policy);
	put(to, "vmpl", json_integer(c->vmpl));
	put(to, "guestSvn", json_integer(c->guest_svn));
	PUT_ARRAY(to, "familyId", c->family_id);
	PUT_ARRAY(to, "imageId", c->image_id);
	PUT_ARRAY(to, "idKeyDigest", c->id_key_digest);
	PUT_ARRAY(to, "authorKeyDigest", c->author_key_digest);
	PUT_ARRAY(to, "reportId", c->report_id);
	PUT_ARRAY(to, "reportIdMa", c->report_id_ma);
	PUT_ARRAY(to, "chipId", c->chip_id);
	put_bits(to, "platformInfo", c->platform_info);
	put_tcb(to, "reportedTcb", &c->reported_tcb);
	put_tcb(to, "currentTcb", &c->current_tcb);
	put_tcb(to, "committedTcb", &c->committed_tcb);
	put_tcb(to, "launchTcb", &c->launch_tcb);
}

static void put_header(json_t *to, const struct quote_header *h, const char *tee)
{
	put(to, "tee", json_string(tee));
	put(to, "format", json_sprintf("quote version %u", h->version));
	put(to, "attestationKeyType", json_integer(h->key_type));
	PUT_ARRAY(to, "qeVendorId", h->qe_vendor_id);
}

/* The certificate in the chain that speaks of a platform. */
static void put_pck(json_t *to, bytes pem)
{
	BIO *text = pem.size && pem.size < 1 << 16 ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
	X509 *certificate;
	while (text && (certificate = PEM_read_bio_X509(text, NULL, NULL, NULL))) {
		struct pck pck;
		error *e = pck_read(certificate, &pck);
		X509_free(certificate);
		if (e) {
			error_free(e);
			continue;
		}
		PUT_ARRAY(to, "fmspc", pck.fmspc);
		PUT_ARRAY(to, "ppid", pck.ppid);
		put(to, "pceId", json_integer(pck.pce_id));
		put(to, "pceSvn", json_integer(pck.pce_svn));
		PUT_ARRAY(to, "sgxTcbComponents", pck.component_svn);
		break;
	}
	BIO_free(text);
}

static void put_signature(json_t *to, const struct quote_signature *s, size_t padding)
{
	json_t *qe = json_object();
	put_sgx(qe, &s->qe_report.claims);
	PUT_ARRAY(qe, "reportData", s->qe_report.report_data);
	put(to, "quotingEnclave", qe);
	put_hex(to, "qeAuthenticationData", s->qe_authentication_data);
	put_hex(to, "attestationKey", s->attestation_key);
	put(to, "certificationDataType", json_integer(s->certification_type));
	if (s->certification_type == CERTIFICATION_PCK_CHAIN)
		put_pck(to, s->certification_data);
	put(to, "padding", json_integer((json_int_t)padding));
}

static error *print_sgx(bytes raw, size_t behind, json_t *to)
{
	struct sgx_quote q;
	TRY(sgx_quote_parse(raw, &q));
	put_header(to, &q.header, "sgx");
	put_sgx(to, &q.report.claims);
	PUT_ARRAY(to, "reportData", q.report.report_data);
	put(to, "debug", json_boolean(q.report.claims.flags & SGX_ATTRIBUTE_DEBUG));
	put_signature(to, &q.signature, q.padding + behind);
	return NULL;
}

static error *print_tdx(bytes raw, size_t behind, json_t *to)
{
	struct tdx_quote q;
	TRY(tdx_quote_parse(raw, &q));
	put_header(to, &q.header, "tdx");
	put(to, "tdReport", json_string(q.claims.has_td15 ? "1.5" : "1.0"));
	put_tdx(to, &q.claims);
	PUT_ARRAY(to, "reportData", q.report_data);
	put(to, "debug", json_boolean(q.claims.td_attributes & TD_ATTRIBUTES_DEBUG));
	put_signature(to, &q.signature, q.padding + behind);
	return NULL;
}

static const char *signing_key_name(enum snp_signing_key key)
{
	return key == SNP_SIGNED_BY_VCEK ? "VCEK" : key == SNP_SIGNED_BY_VLEK ? "VLEK" : "none";
}

/* Which certificates follow the report. */
static error *put_certificates(json_t *to, bytes behind)
{
	struct snp_certificate_table table = { 0 };
	json_t *names = json_array();
	if (snp_certificate_table_begins(behind)) {
		error *e = snp_certificate_table_read(behind, &table);
		if (e) {
			json_decref(names);
			return e;
		}
	}
	const struct {
		const char *name;
		bytes certificate;
	} all[] = { { "VCEK", table.vcek }, { "VLEK", table.vlek }, { "ASK", table.ask }, { "ARK", table.ark } };
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].certificate.size)
			json_array_append_new(names, json_string(all[i].name));
	put(to, "certificates", names);
	put(to, "padding", json_integer((json_int_t)(behind.size - table.size)));
	return NULL;
}

static error *print_snp(bytes raw, json_t *to)
{
	struct snp_report r;
	TRY(snp_report_parse(bytes_slice(raw, 0, SNP_REPORT_SIZE), &r));
	snp_report_read_tcbs(&r, snp_report_is_turin(&r));
	put(to, "tee", json_string("snp"));
	put(to, "format", json_sprintf("attestation report version %u", r.claims.version));
	put_snp(to, &r.claims);
	PUT_ARRAY(to, "reportData", r.report_data);
	put(to, "debug", json_boolean(r.claims.policy & SNP_POLICY_DEBUG));
	put(to, "signingKey", json_string(signing_key_name(r.signing_key)));
	put(to, "chipKeyMasked", json_boolean(r.chip_key_masked));
	put(to, "authorKeyPresent", json_boolean(r.author_key_present));
	if (r.family)
		put(to, "cpuid", json_pack("{s:i, s:i}", "family", r.family, "model", r.model));
	return put_certificates(to, bytes_slice(raw, SNP_REPORT_SIZE, SIZE_MAX));
}

static error *print_evidence(bytes evidence, json_t *to)
{
	bytes quote;
	size_t behind;
	if (snp_format.recognises(evidence))
		return print_snp(evidence, to);
	TRY(open_enclave_strip(evidence, &quote, &behind));
	put(to, "openEnclaveHeader", json_boolean(quote.data != evidence.data));
	return tdx_format.recognises(evidence) ? print_tdx(quote, behind, to) : print_sgx(quote, behind, to);
}

static error *print(bytes evidence, char **ret)
{
	CLEANUP_JSON json_t *all = json_object();
	TRY_ALLOC(all);
	TRY(print_evidence(evidence, all));
	*ret = json_dumps(all, JSON_COMPACT);
	TRY_ALLOC(*ret);
	return NULL;
}

int marblerun_evidence_print(struct marblerun_bytes evidence, char **ret, char reason[MARBLERUN_REASON_SIZE])
{
	error *e = print(bytes_of(evidence.data, evidence.size), ret);
	if (!e)
		return 0;
	snprintf(reason, MARBLERUN_REASON_SIZE, "%s", error_message(e));
	error_free(e);
	return 1;
}
