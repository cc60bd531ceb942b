/* Occlum's /dev/sgx: quotes and keys by ioctl (Occlum, src/libos/src/fs/dev_fs/dev_sgx). */
#include <stdalign.h>
#include <sys/ioctl.h>

#include "attest/issuer.h"
#include "base/reader.h"

#define DEVICE "/dev/sgx"
enum { QUOTE_MAX = 64 << 10, REPORT_SIZE = 432, KEY_REQUEST_SIZE = 512, KEY_SIZE = 16 };

struct quote_request {
	const uint8_t *report_data; /* 64 bytes */
	uint32_t *quote_size;       /* in: of the buffer */
	uint8_t *quote;
};
struct report_request {
	const uint8_t *target_info; /* NULL: none */
	const uint8_t *report_data; /* NULL: zeros */
	uint8_t *report;
};
struct key_request {
	const uint8_t *request; /* KEYREQUEST */
	uint8_t *key;
};
#define GET_DCAP_QUOTE_SIZE _IOR('s', 7, uint32_t)
#define GEN_DCAP_QUOTE _IOWR('s', 8, struct quote_request)
#define CREATE_REPORT _IOWR('s', 4, struct report_request)
#define GET_KEY _IOWR('s', 11, struct key_request)

/* On a host with Intel's driver there may be a folder of that name. */
static bool present(const struct kernel *kernel)
{
	return kernel_has(kernel, DEVICE, S_IFCHR);
}

static error *open_occlum(const struct kernel *kernel, const char *program, void **ret_context)
{
	(void)program;
	const struct kernel **k = malloc(sizeof *k);
	TRY_ALLOC(k);
	*k = kernel;
	*ret_context = k;
	return NULL;
}

static const char *name(const void *context)
{
	(void)context;
	return "occlum";
}

static error *ask_size(const struct kernel *kernel, uint32_t *ret)
{
	uint32_t size = 0;
	TRY_CTX(kernel_ioctl(kernel, DEVICE, GET_DCAP_QUOTE_SIZE, &size, NULL), "size of a DCAP quote");
	if (size == 0 || size > QUOTE_MAX)
		return error_new(ERROR_UNAVAILABLE, DEVICE ": a quote of %u bytes; 1 to %d are expected", size,
				 QUOTE_MAX);
	*ret = size;
	return NULL;
}

static error *issue(void *context, const uint8_t report_data[64], struct blob *ret)
{
	const struct kernel *kernel = *(const struct kernel **)context;
	CLEANUP(blob_free) struct blob quote = { 0 };
	uint32_t size = 0;
	TRY(ask_size(kernel, &size));
	quote.data = calloc(1, size);
	TRY_ALLOC(quote.data);
	quote.size = size;
	struct quote_request request = { report_data, &size, quote.data };
	TRY_CTX(kernel_ioctl(kernel, DEVICE, GEN_DCAP_QUOTE, &request, NULL), "DCAP quote");
	if (size == 0 || size > quote.size)
		return error_new(ERROR_UNAVAILABLE, DEVICE ": a quote of %u bytes in a buffer of %zu", size,
				 quote.size);
	quote.size = size;
	*ret = blob_take(&quote);
	return NULL;
}

/* KEYREQUEST (Intel SDM volume 3D, "Key Request"): the seal key of the present security version of CPU
 * and enclave. ATTRIBUTES count by the masks that Intel's SDK takes by default: INIT, DEBUG and the
 * reserved bits. */
static error *write_key_request(enum sealing_kind kind, const uint8_t report[REPORT_SIZE],
				uint8_t ret[KEY_REQUEST_SIZE])
{
	enum { SEAL_KEY = 4, POLICY_MRENCLAVE = 1, POLICY_MRSIGNER = 2 };
	struct reader body = reader_of(bytes_of(report, REPORT_SIZE));
	bytes cpu_svn = read_view(&body, 16);
	read_view(&body, 258 - 16);
	uint16_t isv_svn = read_le16(&body), config_svn = read_le16(&body);
	CLEANUP(writer_free) struct writer w = { 0 };
	write_le16(&w, SEAL_KEY);
	write_le16(&w, kind == SEALING_UNIQUE ? POLICY_MRENCLAVE : POLICY_MRSIGNER);
	write_le16(&w, isv_svn);
	write_zeros(&w, 2);
	write_bytes(&w, cpu_svn);
	write_le64(&w, 0xff0000000000000b);
	write_le64(&w, 0);
	write_zeros(&w, 32); /* KEYID: the same key after each restart */
	write_le32(&w, 0xf0000000);
	write_le16(&w, config_svn);
	write_zeros(&w, KEY_REQUEST_SIZE - w.size);
	TRY(writer_check(&w, "key request"));
	memcpy(ret, w.data, KEY_REQUEST_SIZE);
	return NULL;
}

static error *sealing_key(void *context, enum sealing_kind kind, struct secret *ret)
{
	const struct kernel *kernel = *(const struct kernel **)context;
	alignas(512) uint8_t report[REPORT_SIZE] = { 0 };
	alignas(512) uint8_t request[KEY_REQUEST_SIZE];
	CLEANUP(secret_free) struct secret key = { 0 };
	struct report_request own = { .report = report };
	TRY_CTX(kernel_ioctl(kernel, DEVICE, CREATE_REPORT, &own, NULL), "report on this enclave");
	TRY(write_key_request(kind, report, request));
	TRY(secret_new(KEY_SIZE, &key));
	struct key_request get = { request, key.data };
	TRY_CTX(kernel_ioctl(kernel, DEVICE, GET_KEY, &get, NULL), "sealing key");
	return sealing_key_derive(secret_view(&key), "occlum", kind, BYTES_EMPTY, ret);
}

const struct issuer_kind occlum_issuer = { "Occlum", present, open_occlum, name, issue, sealing_key, NULL, free };
