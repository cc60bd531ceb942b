#include "attest/sev_guest/guest_request.h"

#include <errno.h>
#include <linux/sev-guest.h>
#include <sys/ioctl.h>

#include "attest/snp/certificate_table.h"
#include "attest/snp/report.h"
#include "base/reader.h"

#define DEVICE "/dev/sev-guest"
enum { MESSAGE_VERSION = 1, ATTEMPTS = 6, FIRST_PAUSE_MS = 50 };
/* Responses begin with a status; their content is at 20h. */
enum { CONTENT = 0x20, KEY_SIZE = 32 };
/* The most that Linux takes (SEV_FW_BLOB_MAX_SIZE). */
enum { CERTIFICATES_SIZE = 0x4000 };

static error *ask_once(const struct kernel *kernel, unsigned long request, const void *asked, void *response,
		       int *ret_errno)
{
	struct snp_guest_request_ioctl message = { .msg_version = MESSAGE_VERSION,
						   .req_data = (uintptr_t)asked,
						   .resp_data = (uintptr_t)response };
	error *e = kernel_ioctl(kernel, DEVICE, request, &message, ret_errno);
	if (e && message.exitinfo2)
		return error_wrap(e, "firmware error %#x, hypervisor error %#x", message.fw_error,
				  message.vmm_error);
	return e;
}

/* The hypervisor throttles guests' requests. */
static error *ask(const struct kernel *kernel, unsigned long request, const void *asked, void *response)
{
	for (unsigned i = 0;; i++) {
		int number = 0;
		error *e = ask_once(kernel, request, asked, response, &number);
		if (!e || (number != EAGAIN && number != EBUSY) || i + 1 == ATTEMPTS)
			return e;
		error_free(e);
		kernel->pause(FIRST_PAUSE_MS << i);
	}
}

static error *check_status(uint32_t status)
{
	if (!status)
		return NULL;
	return error_new(ERROR_UNAVAILABLE, DEVICE ": the secure processor refused: status %#x", status);
}

/* MSG_REPORT_RSP: status, size of the report, reserved, report. */
static error *read_report(const struct snp_report_resp *response, bytes *ret)
{
	struct reader r = reader_of(BYTES_OF_ARRAY(response->data));
	uint32_t status = read_le32(&r), size = read_le32(&r);
	TRY(check_status(status));
	read_view(&r, CONTENT - 8);
	*ret = read_view(&r, size);
	return reader_check(&r, "MSG_REPORT_RSP");
}

error *snp_join_evidence(bytes report, bytes certificates, struct blob *ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	struct snp_certificate_table table;
	if (report.size != SNP_REPORT_SIZE)
		return error_new(ERROR_UNAVAILABLE, "the kernel gave a SEV-SNP report of %zu bytes; %d are expected",
				 report.size, SNP_REPORT_SIZE);
	TRY_CTX(snp_certificate_table_read(certificates, &table), "certificates of the host");
	write_bytes(&w, report);
	snp_certificate_table_write(&table, &w);
	return blob_of_writer(&w, "SEV-SNP report", ret);
}

error *snp_request_evidence(const struct kernel *kernel, const uint8_t report_data[64], struct blob *ret)
{
	CLEANUP_FREE uint8_t *certificates = calloc(1, CERTIFICATES_SIZE);
	struct snp_report_resp response = { 0 };
	bytes report;
	TRY_ALLOC(certificates);
	struct snp_ext_report_req request = { .certs_address = (uintptr_t)certificates,
					      .certs_len = CERTIFICATES_SIZE };
	memcpy(request.data.user_data, report_data, sizeof request.data.user_data);
	TRY_CTX(ask(kernel, SNP_GET_EXT_REPORT, &request, &response), "SEV-SNP report");
	TRY(read_report(&response, &report));
	return snp_join_evidence(report, bytes_of(certificates, CERTIFICATES_SIZE), ret);
}

/* MSG_KEY_RSP: status, reserved, key. */
static error *read_key(const struct snp_derived_key_resp *response, struct secret *ret)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	struct reader r = reader_of(BYTES_OF_ARRAY(response->data));
	TRY(check_status(read_le32(&r)));
	read_view(&r, CONTENT - 4);
	TRY(secret_copy(read_view(&r, KEY_SIZE), &key));
	TRY(reader_finish(&r, "MSG_KEY_RSP"));
	*ret = secret_take(&key);
	return NULL;
}

static error *derive(const struct kernel *kernel, uint32_t vmpl, struct secret *ret)
{
	/* Bits of GUEST_FIELD_SELECT: what is mixed into the key. */
	enum { GUEST_POLICY = 1 << 0, MEASUREMENT = 1 << 3 };
	/* ROOT_KEY_SELECT. The other root, the VMRK, is new with every launch unless a migration agent sets it. */
	enum { ROOT_VCEK = 0 };
	struct snp_derived_key_req request = { .root_key_select = ROOT_VCEK,
					       .guest_field_select = GUEST_POLICY | MEASUREMENT,
					       .vmpl = vmpl };
	struct snp_derived_key_resp response = { 0 };
	error *e = ask(kernel, SNP_GET_DERIVED_KEY, &request, &response);
	if (!e)
		e = read_key(&response, ret);
	explicit_bzero(&response, sizeof response);
	return error_wrap(e, "deriving a key");
}

error *snp_sealing_key(const struct kernel *kernel, uint32_t vmpl, enum sealing_kind kind, struct secret *ret)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	/* GUEST_FIELD_SELECT has no bit for the signer of the ID block. Family and image id are whatever
	 * anybody's ID block says, so a key of them would be anybody's. */
	if (kind == SEALING_PRODUCT)
		return error_new(ERROR_UNSUPPORTED, "SEV-SNP has no sealing keys that belong to a signer: use "
				 "SealMode UniqueKey");
	TRY(derive(kernel, vmpl, &key));
	return sealing_key_derive(secret_view(&key), "sev-snp", kind, BYTES_EMPTY, ret);
}
