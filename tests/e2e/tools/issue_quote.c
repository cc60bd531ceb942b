/* issue_quote PROGRAM REPORT_DATA: writes a bare quote to standard output, by the public interface. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"
#include "marblerun/issue.h"

static int fail(const char *reason)
{
	fprintf(stderr, "issue_quote: %s\n", reason);
	return 1;
}

static int issue(marblerun_issuer *issuer, const uint8_t report_data[64])
{
	char reason[MARBLERUN_REASON_SIZE];
	uint8_t *quote;
	size_t size;
	if (marblerun_issue(issuer, report_data, &quote, &size, reason) != 0)
		return fail(reason);
	bool written = fwrite(quote, 1, size, stdout) == size && fflush(stdout) == 0;
	free(quote);
	return written ? 0 : fail("writing the quote");
}

int main(int argc, char **argv)
{
	char reason[MARBLERUN_REASON_SIZE];
	uint8_t report_data[64];
	marblerun_issuer *issuer;
	if (argc != 3)
		return fail("usage: issue_quote PROGRAM REPORT_DATA (128 hex digits)");
	error *e = hex_decode_into(bytes_of_string(argv[2]), "REPORT_DATA", report_data, 64);
	if (e) {
		fail(error_message(e));
		error_free(e);
		return 1;
	}
	if (marblerun_issuer_open(argv[1], &issuer, reason) != 0)
		return fail(reason);
	int status = issue(issuer, report_data);
	marblerun_issuer_free(issuer);
	return status;
}
