#include "fleet.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "marblerun/issue.h"
#include "rpc.pb-c.h"

static struct blob make_request(EVP_PKEY *key)
{
	struct blob der = { 0 };
	X509_REQ *made = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
	must(made && extensions && names && sk_X509_EXTENSION_push(extensions, names), "request");
	X509_REQ_add_extensions(made, extensions);
	X509_REQ_set_pubkey(made, key);
	must(X509_REQ_sign(made, key, EVP_sha256()) > 0, "signing a request");
	int size = i2d_X509_REQ(made, &der.data);
	must(size > 0, "request");
	der.size = (size_t)size;
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(made);
	return der;
}

static struct blob make_quote(marblerun_issuer *issuer, X509 *certificate)
{
	char reason[MARBLERUN_REASON_SIZE];
	uint8_t report_data[64] = { 0 }, *der = NULL;
	struct blob quote = { 0 };
	int size = i2d_X509(certificate, &der);
	must(size > 0, "certificate");
	SHA256(der, (size_t)size, report_data);
	OPENSSL_free(der);
	must(marblerun_issue(issuer, report_data, &quote.data, &quote.size, reason) == 0, "quote");
	return quote;
}

static void make_uuid(char ret[37])
{
	uint8_t r[16];
	must(RAND_bytes(r, sizeof r) == 1, "random");
	snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-4%01x%02x-8%01x%02x-%02x%02x%02x%02x%02x%02x", r[0],
		 r[1], r[2], r[3], r[4], r[5], r[6] & 15, r[7], r[8] & 15, r[9], r[10], r[11], r[12], r[13],
		 r[14], r[15]);
}

/* Behind the five bytes of gRPC's framing: not compressed, size. */
static struct blob pack(const Rpc__ActivationReq *request)
{
	size_t size = rpc__activation_req__get_packed_size(request);
	struct blob message = { malloc(5 + size), 5 + size };
	must(message.data, "memory");
	const uint8_t head[5] = { 0, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
				  (uint8_t)size };
	memcpy(message.data, head, sizeof head);
	rpc__activation_req__pack(request, message.data + 5);
	return message;
}

static void make_marble(marblerun_issuer *issuer, const char *type, struct fleet_marble *ret)
{
	char uuid[37];
	CLEANUP_FREE char *owned_type = strdup(type);
	Rpc__ActivationReq request;
	rpc__activation_req__init(&request);
	ret->key = make_p256();
	ret->certificate = make_certificate(ret->key);
	make_uuid(uuid);
	CLEANUP(blob_free) struct blob csr = make_request(ret->key);
	CLEANUP(blob_free) struct blob quote = make_quote(issuer, ret->certificate);
	request.quote = (ProtobufCBinaryData){ quote.size, quote.data };
	request.csr = (ProtobufCBinaryData){ csr.size, csr.data };
	request.marbletype = owned_type;
	request.uuid = uuid;
	ret->message = pack(&request);
}

void fleet_make(const char *program, const char *type, size_t count, struct fleet *ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_issuer *issuer;
	int failed = marblerun_issuer_open(program, &issuer, reason);
	must(!failed, failed ? reason : "");
	*ret = (struct fleet){ calloc(count, sizeof *ret->marbles), count };
	must(ret->marbles, "memory");
	for (size_t i = 0; i < count; i++)
		make_marble(issuer, type, &ret->marbles[i]);
	marblerun_issuer_free(issuer);
}

void fleet_free(struct fleet *f)
{
	for (size_t i = 0; i < f->count; i++) {
		X509_free(f->marbles[i].certificate);
		EVP_PKEY_free(f->marbles[i].key);
		blob_free(&f->marbles[i].message);
	}
	free(f->marbles);
}
