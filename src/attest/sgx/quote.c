#include "attest/sgx/quote.h"

#include "base/reader.h"

enum { OE_HEADER_SIZE = 16, OE_VERSION = 1, OE_REMOTE = 2 };
enum { KEY_TYPE_ECDSA_P256 = 2 };

error *open_enclave_strip(bytes evidence, bytes *ret, size_t *ret_behind)
{
	struct reader r = reader_of(evidence);
	uint32_t version = read_le32(&r), type = read_le32(&r);
	uint64_t size = read_le64(&r);
	if (r.failed || version != OE_VERSION || type != OE_REMOTE) {
		*ret = evidence;
		*ret_behind = 0;
		return NULL;
	}
	if (size > r.rest.size)
		return error_new(ERROR_INVALID, "Open Enclave header: %llu bytes declared, %zu there",
				 (unsigned long long)size, r.rest.size);
	*ret = bytes_slice(evidence, OE_HEADER_SIZE, (size_t)size);
	*ret_behind = r.rest.size - (size_t)size;
	return NULL;
}

struct quote_header read_quote_header(struct reader *r)
{
	struct quote_header h = { 0 };
	h.version = read_le16(r);
	h.key_type = read_le16(r);
	h.tee_type = read_le32(r); /* version 3: reserved, zero */
	read_view(r, 4);           /* QE SVN and PCE SVN, or reserved */
	read_into(r, h.qe_vendor_id, sizeof h.qe_vendor_id);
	read_view(r, 20); /* user data */
	return h;
}

error *quote_header_check(const struct quote_header *header)
{
	static const uint8_t intel[16] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
					   0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };
	if (header->version < 3 || header->version > 5)
		return error_new(ERROR_INVALID, "quote version %u; 3, 4 or 5 is expected", header->version);
	if (header->key_type != KEY_TYPE_ECDSA_P256)
		return error_new(ERROR_INVALID, "attestation key type %u; 2 (ECDSA P-256) is expected",
				 header->key_type);
	if (memcmp(header->qe_vendor_id, intel, sizeof intel) != 0)
		return error_new(ERROR_INVALID, "the quoting enclave is not Intel's");
	return NULL;
}

struct sgx_report read_sgx_report(struct reader *r)
{
	struct sgx_report report = { .raw = bytes_slice(r->rest, 0, SGX_REPORT_SIZE) };
	struct marblerun_sgx_claims *c = &report.claims;
	read_into(r, c->cpu_svn, sizeof c->cpu_svn);
	c->misc_select = read_le32(r);
	read_view(r, 12);
	read_into(r, c->isv_ext_prod_id, sizeof c->isv_ext_prod_id);
	c->flags = read_le64(r);
	c->xfrm = read_le64(r);
	read_into(r, c->mrenclave, sizeof c->mrenclave);
	read_view(r, 32);
	read_into(r, c->mrsigner, sizeof c->mrsigner);
	read_view(r, 32);
	read_into(r, c->config_id, sizeof c->config_id);
	c->isv_prod_id = read_le16(r);
	c->isv_svn = read_le16(r);
	c->config_svn = read_le16(r);
	read_view(r, 42);
	read_into(r, c->isv_family_id, sizeof c->isv_family_id);
	read_into(r, report.report_data, sizeof report.report_data);
	return report;
}

static void read_qe(struct reader *r, struct quote_signature *s)
{
	s->qe_report = read_sgx_report(r);
	s->qe_report_signature = read_view(r, 64);
	uint16_t size = read_le16(r);
	s->qe_authentication_data = read_view(r, size);
}

static bytes read_certification(struct reader *r, uint16_t *type)
{
	*type = read_le16(r);
	uint32_t size = read_le32(r);
	return read_view(r, size);
}

error *quote_signature_parse(bytes section, uint16_t version, struct quote_signature *ret)
{
	struct quote_signature s = { 0 };
	struct reader outer = reader_of(section);
	s.signature = read_view(&outer, 64);
	s.attestation_key = read_view(&outer, 64);
	if (version == 3) {
		read_qe(&outer, &s);
		s.certification_data = read_certification(&outer, &s.certification_type);
		TRY(reader_finish(&outer, "the quote's signature data"));
		*ret = s;
		return NULL;
	}
	uint16_t type;
	struct reader inner = reader_of(read_certification(&outer, &type));
	TRY(reader_finish(&outer, "the quote's signature data"));
	if (type != CERTIFICATION_QE_REPORT)
		return error_new(ERROR_INVALID, "certification data type %u; 6 (QE report) is expected", type);
	read_qe(&inner, &s);
	s.certification_data = read_certification(&inner, &s.certification_type);
	TRY(reader_finish(&inner, "the quote's QE certification data"));
	*ret = s;
	return NULL;
}

error *sgx_quote_parse(bytes raw, struct sgx_quote *ret)
{
	struct sgx_quote q = { .signed_part = bytes_slice(raw, 0, QUOTE_HEADER_SIZE + SGX_REPORT_SIZE) };
	struct reader r = reader_of(raw);
	q.header = read_quote_header(&r);
	q.report = read_sgx_report(&r);
	uint32_t size = read_le32(&r);
	bytes section = read_view(&r, size);
	TRY(reader_check(&r, "SGX quote"));
	TRY(quote_header_check(&q.header));
	if (q.header.version > 4 || q.header.tee_type != 0)
		return error_new(ERROR_INVALID, "quote of version %u and TEE type %#x is no SGX quote",
				 q.header.version, q.header.tee_type);
	TRY(quote_signature_parse(section, q.header.version, &q.signature));
	q.padding = r.rest.size;
	*ret = q;
	return NULL;
}
