/* Certificate tables that hosts and marbles put behind SEV-SNP reports. What is read lies within the
 * input, and is read the same after it was written. */
#include <stdlib.h>

#include "attest/snp/certificate_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_within(bytes part, bytes whole)
{
	check(!part.size || (part.data >= whole.data && part.size <= whole.size &&
			     (size_t)(part.data - whole.data) <= whole.size - part.size));
}

static void check_rewritten(const struct snp_certificate_table *table)
{
	struct snp_certificate_table again = { 0 };
	CLEANUP(writer_free) struct writer w = { 0 };
	snp_certificate_table_write(table, &w);
	error *e = snp_certificate_table_read(writer_view(&w), &again);
	check(!e);
	check(again.size == w.size);
	check(bytes_equal(again.vcek, table->vcek) && bytes_equal(again.vlek, table->vlek));
	check(bytes_equal(again.ask, table->ask) && bytes_equal(again.ark, table->ark));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snp_certificate_table table;
	bytes raw = bytes_of(data, size);
	error *e = snp_certificate_table_read(raw, &table);
	if (e) {
		error_free(e);
		return 0;
	}
	check(table.size <= size);
	check_within(table.vcek, raw);
	check_within(table.vlek, raw);
	check_within(table.ask, raw);
	check_within(table.ark, raw);
	check_rewritten(&table);
	return 0;
}
