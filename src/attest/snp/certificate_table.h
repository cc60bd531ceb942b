/* The certificates that a host puts next to a SEV-SNP report: AMD document 56421, "SEV-ES
 * Guest-Hypervisor Communication Block Standardization", section 4.1.8.1, MSG_REPORT_REQ. Entries of 24
 * bytes: GUID, offset and length (both 32 bits, little-endian, the offset from the table's beginning);
 * an entry of zeros ends them.
 *
 * A report that is followed by such a table carries its own endorsements. */
#pragma once
#include "base/bytes.h"
#include "base/error.h"
#include "base/writer.h"

/* Views of the certificates, DER or PEM as the host has them; empty: not there. */
struct snp_certificate_table {
	bytes vcek, vlek, ask, ark;
	size_t size; /* of the table and of all that it points to */
};

/* Does it begin with an entry for a certificate that we know? */
bool snp_certificate_table_begins(bytes raw);
/* Entries with other GUIDs are passed over. Nothing at all is an empty table. */
error *snp_certificate_table_read(bytes raw, struct snp_certificate_table *ret) MUST_USE;
/* Writes a table of these; nothing when there are none. */
void snp_certificate_table_write(const struct snp_certificate_table *table, struct writer *w);
