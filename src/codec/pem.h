/* PEM (RFC 7468): labels and bytes only; what they mean is for pki and attest. */
#pragma once
#include "base/blob.h"
#include "base/secret.h"

/* Appends one block: 64 columns, LF. `label` for instance "CERTIFICATE". */
void write_pem(struct writer *w, const char *label, bytes der);

/* A walk over the blocks of a text: struct pem_walk walk = { .rest = text }; */
struct pem_walk {
	bytes rest;
	size_t blocks; /* found so far */
};
/* The next block with any label; text between blocks is skipped, as are blanks in a block, around
 * which Go's decoder reads, too. *found is false at the end.
 * `label` receives at most 63 characters. The content counts as a secret until known better. */
error *pem_next(struct pem_walk *walk, const char *what, bool *found, char label[64],
		struct secret *ret) MUST_USE;
