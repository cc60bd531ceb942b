/* Each endorsement by itself, in the place of a genuine one, so that everything before and behind it is reached.
 * Input: a byte that says which (and of which vector), then the document. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "marblerun/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vector {
	const char *folder, *file;
	int64_t at;
	struct blob evidence;
	marblerun_collateral_set *set;
} vectors[] = {
	{ "sgx/phala-00a067110000-cfg-and-sw-hardening", "quote.bin", 1750809600 },
	{ "tdx/automata-alibaba-v5-td15-90c06f000000-2025-06", "quote.bin", 1749945600 },
	{ "snp/enarx-milan-v2-csr-with-crl", "report.bin", 1675209600 },
};
enum { VECTOR_COUNT = sizeof vectors / sizeof vectors[0], PLACES = 12 };

static void load(struct vector *v)
{
	char path[512], reason[MARBLERUN_REASON_SIZE];
	snprintf(path, sizeof path, VECTORS "/%s/%s", v->folder, v->file);
	if (file_read(path, 1 << 20, &v->evidence))
		abort();
	snprintf(path, sizeof path, VECTORS "/%s", v->folder);
	if (marblerun_collateral_read(path, &v->set, reason) != 0)
		abort();
}

static struct marblerun_bytes *place_of(struct marblerun_collateral *c, unsigned which)
{
	struct marblerun_bytes *places[PLACES] = {
		&c->tcb_info, &c->tcb_info_issuer_chain, &c->qe_identity, &c->qe_identity_issuer_chain, &c->pck_crl,
		&c->root_ca_crl, &c->pck_crl_issuer_chain, &c->pck_chain, &c->vcek, &c->ask, &c->ark, &c->crl,
	};
	return places[which % PLACES];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static marblerun_verifier *verifier;
	static struct marblerun_verdict verdict;
	if (!size)
		return 0;
	if (!verifier) {
		verifier = marblerun_verifier_new();
		for (size_t i = 0; i < VECTOR_COUNT; i++)
			load(&vectors[i]);
	}
	struct vector *v = &vectors[data[0] / PLACES % VECTOR_COUNT];
	struct marblerun_collateral c = *marblerun_collateral_of(v->set);
	struct marblerun_bytes evidence = { v->evidence.data, v->evidence.size };
	*place_of(&c, data[0]) = (struct marblerun_bytes){ data + 1, size - 1 };
	marblerun_verify(verifier, evidence, &c, v->at, &verdict);
	return 0;
}
