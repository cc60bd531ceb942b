#include "endorsements/service.h"

#include <stdio.h>
#include <string.h>

#include "attest/needs.h"
#include "base/clock.h"
#include "codec/hex.h"
#include "codec/pem.h"
#include "net/http_client.h"

enum { FETCH_SECONDS = 15, DOCUMENT_BYTES_MAX = 4 << 20, HELD_MAX = 8, URL_MAX = 1024 };

struct endorsement_service {
	char *pccs, *kds;
	struct documents *documents;
};

/* What one piece of evidence holds. */
struct held {
	struct marblerun_collateral collateral;
	const struct document *documents[HELD_MAX];
	size_t count;
	struct blob ask, ark; /* of AMD's chain, apart */
};

/* ---- HTTP ---- */

static error *fetch_over_http(void *context, const struct document_name *name, struct blob *ret_body,
			      struct blob *ret_chain)
{
	CLEANUP(http_client_free) struct http_client *client = NULL;
	CLEANUP(http_reply_free) struct http_reply reply = { 0 };
	struct http_client_options options = { .trust = HTTP_TRUST_NOBODY, .timeout_s = FETCH_SECONDS,
					       .response_bytes = DOCUMENT_BYTES_MAX };
	(void)context;
	TRY(http_client_new(&options, &client));
	TRY(error_recode(http_client_send(client, "GET", name->url, NULL, BYTES_EMPTY, &reply), ERROR_UNAVAILABLE));
	if (reply.status != 200)
		return error_new(ERROR_UNAVAILABLE, "%s: HTTP status %ld", name->url, reply.status);
	if (name->chain_header)
		TRY(http_client_header(client, name->chain_header, ret_chain));
	return blob_copy(blob_view(&reply.body), ret_body);
}

static int64_t clock_of(void *context)
{
	(void)context;
	return clock_now();
}

/* ---- collecting ---- */

static error *take(struct endorsement_service *s, struct held *held, enum document_kind kind, const char *chain_header,
		   const struct document **ret, const char *format, ...) PRINTF_LIKE(6, 7);
static error *take(struct endorsement_service *s, struct held *held, enum document_kind kind, const char *chain_header,
		   const struct document **ret, const char *format, ...)
{
	char url[URL_MAX];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(url, sizeof url, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof url)
		return error_new(ERROR_INVALID, "the address of a service is too long");
	TRY(documents_get(s->documents, &(struct document_name){ url, kind, chain_header }, ret));
	held->documents[held->count++] = *ret;
	return NULL;
}

static struct marblerun_bytes view(const struct blob *b)
{
	return (struct marblerun_bytes){ b->data, b->size };
}

/* Intel's own service has the root's CRL elsewhere. */
static error *take_root_crl(struct endorsement_service *s, struct held *held, const struct document **ret)
{
	if (strstr(s->pccs, ".trustedservices.intel.com"))
		return take(s, held, DOCUMENT_CRL, NULL, ret, "%s",
			    "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der");
	return take(s, held, DOCUMENT_CRL, NULL, ret, "%s/sgx/certification/v4/rootcacrl", s->pccs);
}

static error *collect_intel(struct endorsement_service *s, const struct evidence_needs *needs, struct held *held)
{
	const char *tee = needs->tee == MARBLERUN_TEE_TDX ? "tdx" : "sgx";
	const char *ca = needs->platform_ca ? "platform" : "processor";
	const struct document *tcb_info, *identity, *crl, *root_crl;
	const uint8_t *f = needs->fmspc;
	if (!s->pccs)
		return error_new(ERROR_UNAVAILABLE, "no PCCS is configured (MARBLERUN_PCCS_URL)");
	TRY(take(s, held, DOCUMENT_JSON, "TCB-Info-Issuer-Chain", &tcb_info,
		 "%s/%s/certification/v4/tcb?fmspc=%02x%02x%02x%02x%02x%02x", s->pccs, tee, f[0], f[1], f[2], f[3],
		 f[4], f[5]));
	TRY(take(s, held, DOCUMENT_JSON, "SGX-Enclave-Identity-Issuer-Chain", &identity,
		 "%s/%s/certification/v4/qe/identity", s->pccs, tee));
	TRY(take(s, held, DOCUMENT_CRL, "SGX-PCK-CRL-Issuer-Chain", &crl,
		 "%s/sgx/certification/v4/pckcrl?ca=%s&encoding=der", s->pccs, ca));
	TRY(take_root_crl(s, held, &root_crl));
	struct marblerun_collateral *c = &held->collateral;
	c->tcb_info = view(&tcb_info->body);
	c->tcb_info_issuer_chain = view(&tcb_info->chain);
	c->qe_identity = view(&identity->body);
	c->qe_identity_issuer_chain = view(&identity->chain);
	c->pck_crl = view(&crl->body);
	c->pck_crl_issuer_chain = view(&crl->chain);
	c->root_ca_crl = view(&root_crl->body);
	return NULL;
}

/* ASK (or ASVK), then ARK. */
static error *split_chain(bytes pem, struct held *held)
{
	struct pem_walk walk = { .rest = pem };
	struct blob *to[] = { &held->ask, &held->ark };
	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		CLEANUP(secret_free) struct secret der = { 0 };
		char label[64];
		bool found;
		TRY(pem_next(&walk, "chain of the KDS", &found, label, &der));
		if (!found)
			return error_new(ERROR_UNAVAILABLE, "the KDS's chain has less than two certificates");
		TRY(blob_copy(secret_view(&der), to[i]));
	}
	return NULL;
}

static error *take_vcek_of(struct endorsement_service *s, const struct evidence_needs *n, struct held *held,
			const struct document **ret)
{
	CLEANUP(writer_free) struct writer hex = { 0 };
	char fmc[32] = "";
	write_hex(&hex, bytes_of(n->chip_id, n->chip_id_size));
	TRY(writer_check(&hex, "chip id"));
	if (strcmp(n->product, "Turin") == 0)
		snprintf(fmc, sizeof fmc, "fmcSPL=%02u&", n->tcb.fmc);
	return take(s, held, DOCUMENT_CERTIFICATE, NULL, ret,
		    "%s/vcek/v1/%s/%.*s?%sblSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u", s->kds, n->product,
		    (int)hex.size, (const char *)hex.data, fmc, n->tcb.boot_loader, n->tcb.tee, n->tcb.snp,
		    n->tcb.microcode);
}

/* Of a report that does not name its product: what the KDS has no VCEK of as Milan may be Genoa. */
static error *take_vcek(struct endorsement_service *s, struct evidence_needs *needs, struct held *held)
{
	const struct document *leaf;
	error *e = take_vcek_of(s, needs, held, &leaf);
	if (e && needs->product_is_guessed) {
		error_free(e);
		needs->product = "Genoa";
		e = error_wrap(take_vcek_of(s, needs, held, &leaf), "neither as Milan nor as Genoa");
	}
	TRY(e);
	held->collateral.vcek = view(&leaf->body);
	return NULL;
}

static error *collect_amd(struct endorsement_service *s, struct evidence_needs *needs, struct held *held)
{
	const struct document *chain, *crl;
	const char *kind = needs->vlek ? "vlek" : "vcek";
	if (!s->kds)
		return error_new(ERROR_UNAVAILABLE, "no KDS is configured (MARBLERUN_KDS_URL)");
	/* A VLEK comes with the evidence: only its cloud has it. */
	if (!needs->vlek && !needs->carries_leaf)
		TRY(take_vcek(s, needs, held));
	TRY(take(s, held, DOCUMENT_CHAIN, NULL, &chain, "%s/%s/v1/%s/cert_chain", s->kds, kind, needs->product));
	TRY(take(s, held, DOCUMENT_CRL, NULL, &crl, "%s/%s/v1/%s/crl", s->kds, kind, needs->product));
	TRY(split_chain(blob_view(&chain->body), held));
	held->collateral.ask = view(&held->ask);
	held->collateral.ark = view(&held->ark);
	held->collateral.crl = view(&crl->body);
	return NULL;
}

static void release(void *context, void *hold)
{
	struct endorsement_service *s = context;
	struct held *held = hold;
	for (size_t i = 0; i < held->count; i++)
		documents_release(s->documents, held->documents[i]);
	blob_free(&held->ask);
	blob_free(&held->ark);
	free(held);
}

static error *get(void *context, bytes evidence, const struct marblerun_collateral **ret, void **ret_hold)
{
	struct endorsement_service *s = context;
	struct evidence_needs needs;
	TRY(error_recode(evidence_needs(evidence, &needs), ERROR_UNAVAILABLE));
	struct held *held = calloc(1, sizeof *held);
	TRY_ALLOC(held);
	error *e = needs.tee == MARBLERUN_TEE_SNP ? collect_amd(s, &needs, held) : collect_intel(s, &needs, held);
	if (e) {
		release(s, held);
		return e;
	}
	*ret = &held->collateral;
	*ret_hold = held;
	return NULL;
}

/* ---- opening ---- */

static error *copy_address(const char *from, char **ret)
{
	if (!from)
		return NULL;
	if (strncmp(from, "http://", 7) != 0 && strncmp(from, "https://", 8) != 0)
		return error_new(ERROR_INVALID, "\"%s\": an address that begins with https:// is expected", from);
	size_t size = strlen(from);
	while (size && from[size - 1] == '/')
		size--;
	*ret = strndup(from, size);
	return *ret ? NULL : error_no_memory();
}

error *endorsement_service_open(const struct endorsement_service_options *options, struct endorsement_service **ret)
{
	static const struct documents_source http = { NULL, fetch_over_http, clock_of };
	CLEANUP(endorsement_service_close) struct endorsement_service *s = calloc(1, sizeof *s);
	TRY_ALLOC(s);
	TRY_CTX(copy_address(options->pccs, &s->pccs), "address of the PCCS");
	TRY_CTX(copy_address(options->kds, &s->kds), "address of the KDS");
	TRY(documents_new(options->source ? options->source : &http, &s->documents));
	*ret = TAKE(s);
	return NULL;
}

void endorsement_service_close(struct endorsement_service *s)
{
	if (!s)
		return;
	documents_free(s->documents);
	free(s->pccs);
	free(s->kds);
	free(s);
}

struct endorsements endorsement_service_use(struct endorsement_service *s)
{
	return (struct endorsements){ s, get, release };
}
