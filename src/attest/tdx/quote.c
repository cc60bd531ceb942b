#include "attest/tdx/quote.h"

#include "base/reader.h"

static void read_td_report(struct reader *r, struct tdx_quote *q)
{
	struct marblerun_tdx_claims *c = &q->claims;
	read_into(r, c->tee_tcb_svn, sizeof c->tee_tcb_svn);
	read_into(r, c->mrseam, sizeof c->mrseam);
	read_into(r, c->mrsignerseam, sizeof c->mrsignerseam);
	c->seam_attributes = read_le64(r);
	c->td_attributes = read_le64(r);
	c->xfam = read_le64(r);
	read_into(r, c->mrtd, sizeof c->mrtd);
	read_into(r, c->mrconfigid, sizeof c->mrconfigid);
	read_into(r, c->mrowner, sizeof c->mrowner);
	read_into(r, c->mrownerconfig, sizeof c->mrownerconfig);
	for (size_t i = 0; i < 4; i++)
		read_into(r, c->rtmr[i], sizeof c->rtmr[i]);
	read_into(r, q->report_data, sizeof q->report_data);
	if (!c->has_td15)
		return;
	read_into(r, c->tee_tcb_svn_2, sizeof c->tee_tcb_svn_2);
	read_into(r, c->mrservicetd, sizeof c->mrservicetd);
}

/* Version 4 has a TD 1.0 report; version 5 says what it has. */
static error *read_body(struct reader *r, struct tdx_quote *q)
{
	uint16_t type = BODY_TD_1_0;
	uint32_t size = TD_REPORT_1_0_SIZE;
	if (q->header.version == 5) {
		type = read_le16(r);
		size = read_le32(r);
	}
	struct reader body = reader_of(read_view(r, size));
	TRY(reader_check(r, "TDX quote"));
	if (type != BODY_TD_1_0 && type != BODY_TD_1_5)
		return error_new(ERROR_INVALID, "quote body type %u; 2 (TD 1.0) or 3 (TD 1.5) is expected", type);
	q->claims.has_td15 = type == BODY_TD_1_5;
	read_td_report(&body, q);
	return reader_finish(&body, "the TDX quote's body");
}

error *tdx_quote_parse(bytes raw, struct tdx_quote *ret)
{
	struct tdx_quote q = { 0 };
	struct reader r = reader_of(raw);
	q.header = read_quote_header(&r);
	TRY(reader_check(&r, "TDX quote"));
	TRY(quote_header_check(&q.header));
	if (q.header.version < 4 || q.header.tee_type != TEE_TYPE_TDX)
		return error_new(ERROR_INVALID, "quote of version %u and TEE type %#x is no TDX quote",
				 q.header.version, q.header.tee_type);
	TRY(read_body(&r, &q));
	q.signed_part = bytes_slice(raw, 0, raw.size - r.rest.size);
	uint32_t size = read_le32(&r);
	bytes section = read_view(&r, size);
	TRY(reader_check(&r, "TDX quote"));
	TRY(quote_signature_parse(section, q.header.version, &q.signature));
	q.padding = r.rest.size;
	*ret = q;
	return NULL;
}
