/* The relying party's command: the coordinator is what it should be, this connection is its, and it
 * enforces exactly the expected manifest. */
#include "cli/manifest_file.h"
#include "cli/output.h"
#include "cli/verdict.h"

struct result {
	struct coordinator coordinator;
	uint8_t expected[FINGERPRINT_SIZE];
	uint8_t root[32]; /* SHA-256 of its DER */
};

static void result_free(struct result *result)
{
	coordinator_close(&result->coordinator);
}
DEFINE_CLEANUP_IN_PLACE(result_free, struct result)

static error *compare(struct result *r)
{
	struct served_manifest served = { 0 };
	unsigned size;
	TRY(manifest_fetch(&r->coordinator, &served));
	blob_free(&served.text);
	if (memcmp(served.fingerprint, r->expected, FINGERPRINT_SIZE) != 0)
		return error_new(ERROR_DENIED, "%s: the coordinator enforces another manifest: its "
				 "fingerprint is %s, %s is expected", r->coordinator.address,
				 hex_of(BYTES_OF_ARRAY(served.fingerprint)).text,
				 hex_of(BYTES_OF_ARRAY(r->expected)).text);
	if (!X509_digest(r->coordinator.chain.root, EVP_sha256(), r->root, &size))
		return error_no_memory();
	return NULL;
}

static error *add_certificates(const struct result *r, json_t *to)
{
	CLEANUP(writer_free) struct writer pem = { 0 };
	X509 *const chain[] = { r->coordinator.chain.intermediate, r->coordinator.chain.root };
	TRY(chain_write_pem(&pem, chain, 2));
	json_object_set_new(to, "rootSHA256", json_string(hex_of(BYTES_OF_ARRAY(r->root)).text));
	json_object_set_new(to, "certificateChain", json_stringn((const char *)pem.data, pem.size));
	return NULL;
}

static error *print_result_as_json(const struct result *r, const error *failure)
{
	bool insecure = r->coordinator.trust == TRUST_INSECURE;
	CLEANUP_JSON json_t *out = json_pack("{s:b, s:b, s:s}", "verified", !failure && !insecure,
					     "insecure", insecure, "manifestFingerprint",
					     hex_of(BYTES_OF_ARRAY(r->expected)).text);
	TRY_ALLOC(out);
	if (failure)
		json_object_set_new(out, "reason", json_string(error_message(failure)));
	else
		TRY(add_certificates(r, out));
	if (!failure && !insecure)
		TRY(verdict_to_json(&r->coordinator.verdict, out));
	return print_json(out);
}

static void print_result(const struct result *r)
{
	bool insecure = r->coordinator.trust == TRUST_INSECURE;
	print_field("Coordinator", "%s", r->coordinator.address);
	if (insecure)
		print_field("Evidence", "NOT verified (--insecure)");
	else
		verdict_print(&r->coordinator.verdict);
	print_field("Certificate", "SHA-256 %s, serves this connection",
		    hex_of(BYTES_OF_ARRAY(r->root)).text);
	print_field("Manifest", "%s, signed by the root key", hex_of(BYTES_OF_ARRAY(r->expected)).text);
	print_coloured(stdout, insecure ? COLOUR_YELLOW : COLOUR_GREEN,
		       insecure ? "The manifest matches; the coordinator was not verified\n" : "OK\n");
}

static error *verify(const struct invocation *call, struct result *r)
{
	TRY(coordinator_verify(call, call->arguments[1], &r->coordinator));
	return compare(r);
}

static error *run(const struct invocation *call)
{
	CLEANUP(result_free) struct result r = { 0 };
	bool json = flags_want_json(&call->flags);
	TRY(manifest_expected(call->arguments[0], r.expected));
	CLEANUP(error_free) error *e = verify(call, &r);
	if (json)
		TRY(print_result_as_json(&r, e));
	else if (!e)
		print_result(&r);
	return e ? TAKE(e) : coordinator_keep(call, &r.coordinator);
}

const struct command manifest_verify_command = {
	.name = "manifest verify",
	.arguments = "MANIFEST|FINGERPRINT ADDRESS",
	.least = 2,
	.most = 2,
	.summary = "Verify a whole application from outside",
	.text = "Verifies the coordinator's evidence against --era-config, with a fresh nonce, and that\n"
		"this very connection is served with the certificate that the evidence vouches for.\n"
		"Then checks that the coordinator enforces exactly this manifest, which every service\n"
		"that it admits satisfies. The verified certificate chain is kept; later commands\n"
		"connect to exactly that coordinator.\n\n"
		"The first argument is a manifest, its fingerprint (see 'manifest signature'), or a file\n"
		"with one of them.\n",
	.examples = "  marblerun manifest verify manifest.json mesh.example:4433 \\\n"
		    "    --era-config coordinator-era.json\n"
		    "  marblerun manifest verify manifest.json localhost:4433 --output json \\\n"
		    "    --era-config coordinator-era.json --sim-root platform/root_ca.pem\n",
	.own = { FLAG_OUTPUT_FORMAT },
	.run = run,
};
