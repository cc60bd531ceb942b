/* Ways to a TEE: a table of functions each, chosen by what is there. */
#pragma once
#include "attest/kernel.h"
#include "attest/sealing.h"
#include "base/blob.h"
#include "marblerun/issue.h"

struct issuer_kind {
	const char *interface; /* for people: "Gramine", … */
	/* Is this process in that TEE? Leaves everything as it is. */
	bool (*present)(const struct kernel *kernel);
	error *(*open)(const struct kernel *kernel, const char *program, void **ret_context);
	const char *(*name)(const void *context); /* as marblerun_issuer_name */
	error *(*issue)(void *context, const uint8_t report_data[64], struct blob *ret);
	/* ERROR_UNSUPPORTED where the platform has none of that kind. */
	error *(*sealing_key)(void *context, enum sealing_kind kind, struct secret *ret);
	const char *(*sim_platform)(void *context); /* NULL on real TEEs */
	void (*close)(void *context);
};
extern const struct issuer_kind simulated_issuer, gramine_issuer, occlum_issuer, tsm_issuer, sev_guest_issuer;

/* The real TEE that this process is in, for people; NULL: none. */
const char *issuer_real_tee(const struct kernel *kernel);
/* As marblerun_issuer_open, on a kernel that stands in for the real one. */
error *issuer_open(const struct kernel *kernel, const char *program, marblerun_issuer **ret) MUST_USE;
/* SEALING_KEY_SIZE bytes that this platform gives to this program (SEALING_UNIQUE) or to its signer's
 * product (SEALING_PRODUCT) again after a restart, and to nobody else. ERROR_UNSUPPORTED: the
 * platform has no such key; recovery or peers are the way. */
error *issuer_sealing_key(marblerun_issuer *issuer, enum sealing_kind kind, struct secret *ret) MUST_USE;
