#include "base/file.h"
#include "cli/coordinator.h"
#include "cli/output.h"

/* A new deployment at a known address is to be noticed, not to be slipped in. */
static error *check_kept(const struct invocation *call, const struct coordinator *c)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP(chain_free) struct chain kept = { 0 };
	if (c->trust == TRUST_INSECURE)
		return NULL;
	TRY(chain_cache_path(&call->flags, &path));
	error *e = chain_cache_load(path, &kept);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		return NULL;
	}
	TRY(e);
	if (X509_cmp(kept.root, c->chain.root) == 0)
		return NULL;
	return error_new(ERROR_DENIED, "the root certificate of the coordinator is another than the one in "
			 "%s; run 'marblerun manifest verify' to verify the deployment and keep the new "
			 "one", path);
}

static error *deliver(const struct invocation *call, const char *default_path, X509 *const *certificates,
		      size_t count)
{
	CLEANUP(writer_free) struct writer pem = { 0 };
	const char *path = call->flags.values[FLAG_OUTPUT_FILE];
	if (path && !*path)
		return error_new(ERROR_INVALID, "--output is empty: a file is expected");
	TRY(chain_write_pem(&pem, certificates, count));
	if (path && strcmp(path, "-") == 0) {
		fwrite(pem.data, 1, pem.size, stdout);
		return NULL;
	}
	TRY(file_replace(path ? path : default_path, writer_view(&pem), 0644));
	say_note("Written to %s", path ? path : default_path);
	return NULL;
}

static error *fetch(const struct invocation *call, struct coordinator *c)
{
	TRY(coordinator_verify(call, call->arguments[0], c));
	return check_kept(call, c);
}

static error *run_root(const struct invocation *call)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	TRY(fetch(call, &c));
	return deliver(call, "marblerunRootCA.crt", &c.chain.root, 1);
}

static error *run_intermediate(const struct invocation *call)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	TRY(fetch(call, &c));
	return deliver(call, "marblerunIntermediateCA.crt", &c.chain.intermediate, 1);
}

static error *run_chain(const struct invocation *call)
{
	CLEANUP(coordinator_close) struct coordinator c = { 0 };
	TRY(fetch(call, &c));
	X509 *const both[] = { c.chain.intermediate, c.chain.root };
	return deliver(call, "marblerunChainCA.crt", both, 2);
}

#define CERTIFICATE_COMMAND(kind, what, file, call)                                                        \
	{                                                                                                  \
		.name = "certificate " kind, .arguments = "ADDRESS", .least = 1, .most = 1,                \
		.summary = "Verify a coordinator and save " what,                                          \
		.text = "Written as PEM to " file " unless --output names another file.\n",                \
		.examples = "  marblerun certificate " kind                                                \
			    " mesh.example:4433 --era-config coordinator-era.json -o mesh.pem\n"           \
			    "  curl --cacert mesh.pem https://mesh.example:4433/api/v2/status\n",          \
		.own = { FLAG_OUTPUT_FILE }, .run = call,                                                  \
	}

const struct command certificate_root_command =
	CERTIFICATE_COMMAND("root", "its root certificate", "marblerunRootCA.crt", run_root);
const struct command certificate_intermediate_command = CERTIFICATE_COMMAND(
	"intermediate", "its intermediate certificate", "marblerunIntermediateCA.crt", run_intermediate);
const struct command certificate_chain_command = CERTIFICATE_COMMAND(
	"chain", "its certificate chain", "marblerunChainCA.crt", run_chain);
