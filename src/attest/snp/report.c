#include "attest/snp/report.h"

#include "base/reader.h"

/* Offsets of the fields that are read twice, since their layout depends on the product. */
enum { AT_CURRENT_TCB = 0x38, AT_REPORTED_TCB = 0x180, AT_COMMITTED_TCB = 0x1e0, AT_LAUNCH_TCB = 0x1f0 };
enum { ALGORITHM_ECDSA_P384_SHA384 = 1 };

/* Little-endian numbers of 72 bytes of which P-384 needs 48. */
static error *read_number(struct reader *r, const char *what, uint8_t to[48])
{
	uint8_t wire[72], excess = 0;
	read_into(r, wire, sizeof wire);
	for (size_t i = 48; i < sizeof wire; i++)
		excess |= wire[i];
	if (excess)
		return error_new(ERROR_INVALID, "SEV-SNP report: signature %s has more than 384 bits", what);
	for (size_t i = 0; i < 48; i++)
		to[i] = wire[47 - i];
	return NULL;
}

static void read_identity(struct reader *r, struct snp_report *report)
{
	struct marblerun_snp_claims *c = &report->claims;
	c->version = read_le32(r);
	c->guest_svn = read_le32(r);
	c->policy = read_le64(r);
	read_into(r, c->family_id, sizeof c->family_id);
	read_into(r, c->image_id, sizeof c->image_id);
	c->vmpl = read_le32(r);
}

static void read_measurements(struct reader *r, struct snp_report *report)
{
	struct marblerun_snp_claims *c = &report->claims;
	read_into(r, report->report_data, sizeof report->report_data);
	read_into(r, c->measurement, sizeof c->measurement);
	read_into(r, c->host_data, sizeof c->host_data);
	read_into(r, c->id_key_digest, sizeof c->id_key_digest);
	read_into(r, c->author_key_digest, sizeof c->author_key_digest);
	read_into(r, c->report_id, sizeof c->report_id);
	read_into(r, c->report_id_ma, sizeof c->report_id_ma);
}

static void read_platform(struct reader *r, struct snp_report *report)
{
	read_view(r, 8); /* REPORTED_TCB */
	uint8_t family = read_u8(r), model = read_u8(r);
	read_view(r, 0x1a0 - 0x18a);
	read_into(r, report->claims.chip_id, sizeof report->claims.chip_id);
	if (report->claims.version >= 3) {
		report->family = family;
		report->model = model;
	}
	read_view(r, SNP_SIGNED_SIZE - AT_COMMITTED_TCB);
}

static error *check_header(const struct snp_report *report, uint32_t algorithm)
{
	if (report->claims.version < 2)
		return error_new(ERROR_INVALID, "SEV-SNP report: version %u; 2 or later is expected",
				 report->claims.version);
	if (algorithm != ALGORITHM_ECDSA_P384_SHA384)
		return error_new(ERROR_INVALID, "SEV-SNP report: signature algorithm %u; 1 (ECDSA P-384 with "
				 "SHA-384) is expected", algorithm);
	if (report->claims.vmpl > 3)
		return error_new(ERROR_INVALID, "SEV-SNP report: VMPL %u; 0 to 3 are expected: the report "
				 "was not asked for by a guest", report->claims.vmpl);
	return NULL;
}

error *snp_report_parse(bytes raw, struct snp_report *ret)
{
	struct snp_report report = { .signed_part = bytes_slice(raw, 0, SNP_SIGNED_SIZE) };
	struct reader r = reader_of(raw);
	read_identity(&r, &report);
	uint32_t algorithm = read_le32(&r);
	read_view(&r, 8); /* CURRENT_TCB */
	report.claims.platform_info = read_le64(&r);
	uint32_t flags = read_le32(&r);
	read_view(&r, 4);
	read_measurements(&r, &report);
	read_platform(&r, &report);
	TRY(reader_check(&r, "SEV-SNP report"));
	TRY(read_number(&r, "r", report.signature_r));
	TRY(read_number(&r, "s", report.signature_s));
	read_view(&r, SNP_REPORT_SIZE - SNP_SIGNED_SIZE - 144);
	TRY(reader_finish(&r, "SEV-SNP report"));
	TRY(check_header(&report, algorithm));
	report.author_key_present = flags & 1;
	report.chip_key_masked = flags >> 1 & 1;
	report.signing_key = (enum snp_signing_key)(flags >> 2 & 7);
	*ret = report;
	return NULL;
}

/* Table "TCB_VERSION": Milan and Genoa {boot loader, TEE, 4 reserved, SNP, microcode}; Turin {FMC,
 * boot loader, TEE, SNP, 3 reserved, microcode}. */
static struct marblerun_snp_tcb read_tcb(const struct snp_report *report, size_t offset, bool turin)
{
	bytes b = bytes_slice(report->signed_part, offset, 8);
	if (turin)
		return (struct marblerun_snp_tcb){ .fmc = b.data[0], .boot_loader = b.data[1],
						   .tee = b.data[2], .snp = b.data[3],
						   .microcode = b.data[7] };
	return (struct marblerun_snp_tcb){ .boot_loader = b.data[0], .tee = b.data[1], .snp = b.data[6],
					   .microcode = b.data[7] };
}

bool snp_report_is_turin(const struct snp_report *report)
{
	return report->family == 0x1a;
}

void snp_report_read_tcbs(struct snp_report *report, bool turin)
{
	report->claims.current_tcb = read_tcb(report, AT_CURRENT_TCB, turin);
	report->claims.reported_tcb = read_tcb(report, AT_REPORTED_TCB, turin);
	report->claims.committed_tcb = read_tcb(report, AT_COMMITTED_TCB, turin);
	report->claims.launch_tcb = read_tcb(report, AT_LAUNCH_TCB, turin);
}
