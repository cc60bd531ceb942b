#include "attest/sgx/pck.h"

#include "attest/sgx/der.h"

/* 1.2.840.113741.1.13.1, and what follows it in its children. */
static const uint8_t sgx_oid[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01 };

/* The last arcs of an OID below sgx_oid: {1}, {2, 17}, …; 0 when it is none. */
static size_t arcs_of(bytes oid, uint8_t arcs[2])
{
	bytes prefix = bytes_slice(oid, 0, sizeof sgx_oid), rest = bytes_slice(oid, sizeof sgx_oid, SIZE_MAX);
	if (!bytes_equal(prefix, BYTES_OF_ARRAY(sgx_oid)) || rest.size < 1 || rest.size > 2)
		return 0;
	memcpy(arcs, rest.data, rest.size);
	return rest.size;
}

/* A small non-negative INTEGER. */
static uint32_t read_integer(struct reader *r)
{
	bytes content = der_expect(r, DER_INTEGER);
	uint32_t value = 0;
	if (content.size == 0 || content.size > 4 || content.data[0] & 0x80) {
		read_view(r, SIZE_MAX);
		return 0;
	}
	for (size_t i = 0; i < content.size; i++)
		value = value << 8 | content.data[i];
	return value;
}

static void read_octets(struct reader *r, uint8_t *to, size_t size)
{
	bytes content = der_expect(r, DER_OCTET_STRING);
	if (content.size != size)
		read_view(r, SIZE_MAX);
	else
		memcpy(to, content.data, size);
}

/* Which fields were there: bits 1 to 18 of the TCB, and four more. */
enum { SEEN_PPID = 1u << 20, SEEN_PCE_ID = 1u << 21, SEEN_FMSPC = 1u << 22, SEEN_ALL_TCB = 0x7fffe };

static void read_tcb_field(struct reader *r, uint8_t arc, struct pck *pck, uint32_t *seen)
{
	uint32_t value = arc <= 17 ? read_integer(r) : 0;
	if (arc >= 1 && arc <= 16 && value <= 255)
		pck->component_svn[arc - 1] = (uint8_t)value;
	else if (arc == 17 && value <= UINT16_MAX)
		pck->pce_svn = (uint16_t)value;
	else if (arc == 18)
		read_octets(r, pck->cpu_svn, sizeof pck->cpu_svn);
	else
		read_view(r, SIZE_MAX);
	if (arc <= 18)
		*seen |= 1u << arc;
}

static void read_tcb(struct reader *r, struct pck *pck, uint32_t *seen)
{
	struct reader fields = reader_of(der_expect(r, DER_SEQUENCE));
	while (fields.rest.size && !fields.failed) {
		uint8_t arcs[2];
		struct reader field = reader_of(der_expect(&fields, DER_SEQUENCE));
		if (arcs_of(der_expect(&field, DER_OBJECT_ID), arcs) != 2 || arcs[0] != 2)
			read_view(&field, SIZE_MAX);
		else
			read_tcb_field(&field, arcs[1], pck, seen);
		if (field.failed || field.rest.size)
			read_view(&fields, SIZE_MAX);
	}
	if (fields.failed)
		read_view(r, SIZE_MAX);
}

static void read_field(struct reader *field, struct pck *pck, uint32_t *seen)
{
	uint8_t arcs[2], pce_id[2] = { 0 };
	if (arcs_of(der_expect(field, DER_OBJECT_ID), arcs) != 1) {
		read_view(field, SIZE_MAX);
		return;
	}
	switch (arcs[0]) {
	case 1:
		read_octets(field, pck->ppid, sizeof pck->ppid);
		*seen |= SEEN_PPID;
		break;
	case 2:
		read_tcb(field, pck, seen);
		break;
	case 3:
		read_octets(field, pce_id, sizeof pce_id);
		pck->pce_id = (uint16_t)(pce_id[0] << 8 | pce_id[1]);
		*seen |= SEEN_PCE_ID;
		break;
	case 4:
		read_octets(field, pck->fmspc, sizeof pck->fmspc);
		*seen |= SEEN_FMSPC;
		break;
	default:
		read_rest(field); /* SGX type, platform instance, configuration: nothing we decide by */
		break;
	}
}

static error *parse(bytes extension, struct pck *pck)
{
	struct reader r = reader_of(extension);
	struct reader fields = reader_of(der_expect(&r, DER_SEQUENCE));
	uint32_t seen = 0;
	TRY(reader_finish(&r, "the PCK certificate's SGX extension"));
	while (fields.rest.size && !fields.failed) {
		struct reader field = reader_of(der_expect(&fields, DER_SEQUENCE));
		read_field(&field, pck, &seen);
		TRY(reader_finish(&field, "a field of the PCK certificate's SGX extension"));
	}
	TRY(reader_check(&fields, "the PCK certificate's SGX extension"));
	if ((seen & SEEN_ALL_TCB) != SEEN_ALL_TCB || !(seen & SEEN_PPID) || !(seen & SEEN_PCE_ID) ||
	    !(seen & SEEN_FMSPC))
		return error_new(ERROR_INVALID, "the PCK certificate's SGX extension lacks a field");
	return NULL;
}

error *pck_read(const X509 *certificate, struct pck *ret)
{
	struct pck pck = { 0 };
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.840.113741.1.13.1", 1);
	TRY_ALLOC(oid);
	int at = X509_get_ext_by_OBJ(certificate, oid, -1);
	ASN1_OBJECT_free(oid);
	if (at < 0)
		return error_new(ERROR_INVALID, "the leaf certificate has no SGX extension: it is no PCK "
				 "certificate");
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
	TRY(parse(bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)), &pck));
	*ret = pck;
	return NULL;
}
