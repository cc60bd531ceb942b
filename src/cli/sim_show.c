/* What a relying party that names this platform's root would find out about it: a quote is issued and
 * verified. */
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/sim.h"
#include "cli/verdict.h"
#include "marblerun/issue.h"
#include "net/tls_chain.h"

enum { ROOT_SIZE_MAX = 1 << 16 };

static void verifier_free(marblerun_verifier *verifier)
{
	marblerun_verifier_free(verifier);
}
DEFINE_CLEANUP(verifier_free, marblerun_verifier *)

static void collateral_free(marblerun_collateral_set *set)
{
	marblerun_collateral_free(set);
}
DEFINE_CLEANUP(collateral_free, marblerun_collateral_set *)

static error *issue(const char *folder, struct blob *ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	const uint8_t report_data[64] = { 0 };
	marblerun_issuer *issuer;
	if (setenv("MARBLERUN_SIM_PLATFORM", folder, 1) != 0)
		return error_no_memory();
	TRY(sim_error(marblerun_issuer_open(NULL, &issuer, reason), reason));
	int failed = marblerun_issue(issuer, report_data, &ret->data, &ret->size, reason);
	marblerun_issuer_free(issuer);
	return sim_error(failed, reason);
}

static error *verify(const char *folder, const struct blob *quote, const struct blob *root,
		     struct marblerun_verdict *ret)
{
	char reason[MARBLERUN_REASON_SIZE];
	CLEANUP(verifier_free) marblerun_verifier *verifier = marblerun_verifier_new();
	CLEANUP(collateral_free) marblerun_collateral_set *collateral = NULL;
	struct marblerun_bytes root_pem = { root->data, root->size };
	struct marblerun_bytes evidence = { quote->data, quote->size };
	TRY_ALLOC(verifier);
	TRY(sim_error(marblerun_verifier_trust_simulated(verifier, root_pem, reason), reason));
	TRY(sim_error(marblerun_collateral_read(folder, &collateral, reason), reason));
	if (marblerun_verify(verifier, evidence, marblerun_collateral_of(collateral), clock_now(),
			     ret) == 0)
		return NULL;
	return error_new(ERROR_DENIED, "quotes of this platform don't verify: %s: %s",
			 marblerun_step_name(ret->step), ret->reason);
}

static error *fingerprint_of(const struct blob *pem, uint8_t ret[32])
{
	CLEANUP(X509_free) X509 *root = NULL;
	unsigned size;
	TRY(tls_chain_of_pem(blob_view(pem), "root_ca.pem", 1, &root));
	return X509_digest(root, EVP_sha256(), ret, &size) ? NULL : error_no_memory();
}

static error *print(const struct invocation *call, const char *root_path, const uint8_t root[32],
		    const struct marblerun_verdict *verdict)
{
	struct hex_text fingerprint = hex_of(bytes_of(root, 32));
	struct hex_text signer = hex_of(BYTES_OF_ARRAY(verdict->claims.sgx.mrsigner));
	struct hex_text fmspc = hex_of(BYTES_OF_ARRAY(verdict->claims.fmspc));
	if (flags_want_json(&call->flags)) {
		CLEANUP_JSON json_t *out = json_pack("{s:s, s:s, s:s, s:s}", "root", root_path,
						     "rootSHA256", fingerprint.text, "SignerID",
						     signer.text, "FMSPC", fmspc.text);
		TRY_ALLOC(out);
		TRY(verdict_to_json(verdict, out));
		json_object_del(out, "claims"); /* those of this program */
		return print_json(out);
	}
	print_field("Root", "%s", root_path);
	print_field("", "SHA-256 %s", fingerprint.text);
	print_field("SignerID", "%s", signer.text);
	print_field("FMSPC", "%s", fmspc.text);
	print_field("TCB status", "%s", marblerun_tcb_status_name(verdict->tcb_status));
	for (size_t i = 0; i < verdict->advisory_count; i++)
		print_field(i ? "" : "Advisories", "%s", verdict->advisories[i]);
	print_field("Valid until", "%s", time_text_of(verdict->valid_until).text);
	return NULL;
}

static error *run(const struct invocation *call)
{
	const char *folder = call->arguments[0];
	struct marblerun_verdict verdict = { 0 };
	uint8_t fingerprint[32];
	CLEANUP_FREE char *root_path = NULL;
	CLEANUP(blob_free) struct blob root = { 0 };
	CLEANUP(blob_free) struct blob quote = { 0 };
	if (asprintf(&root_path, "%s/root_ca.pem", folder) < 0) {
		root_path = NULL;
		return error_no_memory();
	}
	TRY_CTX(file_read(root_path, ROOT_SIZE_MAX, &root), "%s is no simulated platform", folder);
	TRY(fingerprint_of(&root, fingerprint));
	TRY(issue(folder, &quote));
	TRY_CTX(verify(folder, &quote, &root, &verdict), "%s", folder);
	return print(call, root_path, fingerprint, &verdict);
}

const struct command sim_show_command = {
	.name = "sim show",
	.arguments = "DIR",
	.least = 1,
	.most = 1,
	.summary = "Show a simulated platform as a relying party sees it",
	.text = "Issues a quote on the platform and verifies it.\n",
	.examples = "  marblerun sim show platform\n",
	.own = { FLAG_OUTPUT_FORMAT },
	.local = true,
	.run = run,
};
