/* Gramine's /dev/attestation (Gramine documentation, "Attestation and Secret Provisioning"): write
 * the report data to one file, read the quote over it from another. Sealing keys are files too. */
#include <pthread.h>

#include "attest/issuer.h"

#define ATTESTATION "/dev/attestation/"
enum { TYPE_MAX = 64, QUOTE_MAX = 64 << 10, KEY_SIZE = 16 };

struct gramine {
	const struct kernel *kernel;
};

/* "This pseudo-FS interface is not thread-safe": report data are the process's, so writing them and
 * reading the quote are one step. */
static pthread_mutex_t pair = PTHREAD_MUTEX_INITIALIZER;

static bool present(const struct kernel *kernel)
{
	return kernel_has(kernel, ATTESTATION "attestation_type", 0);
}

/* Without remote attestation there are sealing keys, but no quotes: not a TEE that one could verify. */
static error *check_type(const struct kernel *kernel)
{
	CLEANUP(blob_free) struct blob type = { 0 };
	TRY(kernel_read(kernel, ATTESTATION "attestation_type", TYPE_MAX, &type, NULL));
	bytes text = blob_view(&type);
	while (text.size && (text.data[text.size - 1] == '\n' || !text.data[text.size - 1]))
		text.size--;
	if (bytes_equal_string(text, "dcap"))
		return NULL;
	return error_new(ERROR_UNSUPPORTED, ATTESTATION "attestation_type is \"%.*s\"; \"dcap\" is expected: "
			 "set sgx.remote_attestation = \"dcap\" in the Gramine manifest", (int)text.size,
			 (const char *)text.data);
}

static error *open_gramine(const struct kernel *kernel, const char *program, void **ret_context)
{
	(void)program;
	TRY(check_type(kernel));
	struct gramine *g = malloc(sizeof *g);
	TRY_ALLOC(g);
	g->kernel = kernel;
	*ret_context = g;
	return NULL;
}

static const char *name(const void *context)
{
	(void)context;
	return "gramine";
}

static error *issue_alone(const struct kernel *kernel, bytes report_data, struct blob *ret)
{
	CLEANUP(blob_free) struct blob quote = { 0 };
	TRY(kernel_write(kernel, ATTESTATION "user_report_data", report_data, NULL));
	TRY(kernel_read(kernel, ATTESTATION "quote", QUOTE_MAX, &quote, NULL));
	if (!quote.size)
		return error_new(ERROR_UNAVAILABLE, ATTESTATION "quote is empty: Gramine got no quote from the "
				 "quoting enclave");
	*ret = blob_take(&quote);
	return NULL;
}

static error *issue(void *context, const uint8_t report_data[64], struct blob *ret)
{
	const struct gramine *g = context;
	pthread_mutex_lock(&pair);
	error *e = issue_alone(g->kernel, bytes_of(report_data, 64), ret);
	pthread_mutex_unlock(&pair);
	return e;
}

/* Keys of EGETKEY (Intel SDM volume 3D, "EGETKEY"): both depend on debug and on the CPU's and the
 * enclave's security version, the second on the signer's ISVPRODID. */
static error *sealing_key(void *context, enum sealing_kind kind, struct secret *ret)
{
	const struct gramine *g = context;
	const char *path = kind == SEALING_UNIQUE ? ATTESTATION "keys/_sgx_mrenclave" :
						    ATTESTATION "keys/_sgx_mrsigner";
	CLEANUP(secret_free) struct secret key = { 0 };
	TRY(kernel_read_secret(g->kernel, path, TYPE_MAX, &key));
	if (key.size != KEY_SIZE)
		return error_new(ERROR_UNAVAILABLE, "%s: %d bytes are expected, there are %zu", path, KEY_SIZE,
				 key.size);
	TRY_CTX(sealing_key_derive(secret_view(&key), "gramine", kind, BYTES_EMPTY, ret), "%s", path);
	return NULL;
}

const struct issuer_kind gramine_issuer = { "Gramine", present, open_gramine, name, issue, sealing_key, NULL, free };
