#include "attest/tsm/derived_key.h"

#include <errno.h>
#include <linux/sev-guest.h>
#include <sys/ioctl.h>

#include "base/reader.h"

/* Bits of GUEST_FIELD_SELECT: what is mixed into the key. */
enum { GUEST_POLICY = 1 << 0, MEASUREMENT = 1 << 3 };
/* ROOT_KEY_SELECT 0. The other root, the VMRK, is new with every launch when no migration agent sets it. */
enum { ROOT_VCEK = 0 };
enum { MESSAGE_VERSION = 1, ATTEMPTS = 6, FIRST_PAUSE_MS = 50 };

/* MSG_KEY_RSP: status, reserved to 20h, key. */
static error *read_response(const struct snp_derived_key_resp *response, struct secret *ret)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	struct reader r = reader_of(BYTES_OF_ARRAY(response->data));
	uint32_t status = read_le32(&r);
	read_view(&r, 0x20 - 4);
	if (status)
		return error_new(ERROR_UNAVAILABLE, "/dev/sev-guest: the secure processor refused to derive a "
				 "key: status %#x", status);
	TRY(secret_copy(read_view(&r, SNP_DERIVED_KEY_SIZE), &key));
	TRY(reader_finish(&r, "MSG_KEY_RSP"));
	*ret = secret_take(&key);
	return NULL;
}

static error *ask(const struct kernel *kernel, uint32_t vmpl, struct snp_derived_key_resp *response, int *ret_errno)
{
	struct snp_derived_key_req request = { .root_key_select = ROOT_VCEK,
					       .guest_field_select = GUEST_POLICY | MEASUREMENT,
					       .vmpl = vmpl };
	struct snp_guest_request_ioctl message = { .msg_version = MESSAGE_VERSION,
						   .req_data = (uintptr_t)&request,
						   .resp_data = (uintptr_t)response };
	error *e = kernel_ioctl(kernel, "/dev/sev-guest", SNP_GET_DERIVED_KEY, &message, ret_errno);
	if (e && message.exitinfo2)
		return error_wrap(e, "deriving a key (firmware error %#x, hypervisor error %#x)",
				  message.fw_error, message.vmm_error);
	return error_wrap(e, "deriving a key");
}

error *snp_derived_key(const struct kernel *kernel, uint32_t vmpl, struct secret *ret)
{
	struct snp_derived_key_resp response = { 0 };
	error *e = NULL;
	int number = 0;
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		error_free(e);
		e = ask(kernel, vmpl, &response, &number);
		if (!e || (number != EAGAIN && number != EBUSY))
			break;
		kernel->pause(FIRST_PAUSE_MS << i); /* the hypervisor throttles guests' requests */
	}
	if (!e)
		e = read_response(&response, ret);
	explicit_bzero(&response, sizeof response);
	return e;
}
