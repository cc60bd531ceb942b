#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/issuer.h"

struct marblerun_issuer {
	const struct issuer_kind *kind;
	void *context;
};

/* In this order: newer Occlum has files like Gramine's besides its device, newer Linux two ways to SEV-SNP. */
static const struct issuer_kind *const real_tees[] = { &occlum_issuer, &gramine_issuer, &tsm_issuer,
						       &sev_guest_issuer };

static const struct issuer_kind *find_real_tee(const struct kernel *kernel)
{
	for (size_t i = 0; i < ARRAY_SIZE(real_tees); i++)
		if (real_tees[i]->present(kernel))
			return real_tees[i];
	return NULL;
}

const char *issuer_real_tee(const struct kernel *kernel)
{
	const struct issuer_kind *real = find_real_tee(kernel);
	return real ? real->interface : NULL;
}

/* In a real TEE nothing is simulated: a host that sets a variable must not turn a real coordinator
 * into a simulated one. */
static error *choose(const struct kernel *kernel, const struct issuer_kind **ret)
{
	const struct issuer_kind *real = find_real_tee(kernel);
	bool simulate = simulated_issuer.present(kernel);
	if (simulate && real)
		return error_new(ERROR_INVALID, "MARBLERUN_SIM_PLATFORM is set, but this process runs in a real "
				 "TEE (%s): unset it", real->interface);
	if (!simulate && !real)
		return error_new(ERROR_UNAVAILABLE, "no TEE found: neither Gramine (/dev/attestation), Occlum "
				 "(/dev/sgx), configfs-tsm (/sys/kernel/config/tsm/report) nor "
				 "/dev/sev-guest is there (in a guest, its module has to be loaded: tdx_guest, "
				 "sev_guest)");
	*ret = simulate ? &simulated_issuer : real;
	return NULL;
}

error *issuer_open(const struct kernel *kernel, const char *program, marblerun_issuer **ret)
{
	CLEANUP_FREE marblerun_issuer *issuer = calloc(1, sizeof *issuer);
	TRY_ALLOC(issuer);
	TRY(choose(kernel, &issuer->kind));
	TRY(issuer->kind->open(kernel, program, &issuer->context));
	*ret = TAKE(issuer);
	return NULL;
}

/* Files and generations were others' too; that the report is over our own data shows only in it. */
static error *check_bound(const struct marblerun_issuer *issuer, const struct blob *evidence,
			  const uint8_t report_data[64])
{
	if (memmem(evidence->data, evidence->size, report_data, 64))
		return NULL;
	return error_new(ERROR_CONFLICT, "%s: the evidence is over other report data than those given",
			 issuer->kind->interface);
}

static error *issue(const marblerun_issuer *issuer, const uint8_t report_data[64], struct blob *ret)
{
	CLEANUP(blob_free) struct blob evidence = { 0 };
	TRY(issuer->kind->issue(issuer->context, report_data, &evidence));
	TRY(check_bound(issuer, &evidence, report_data));
	*ret = blob_take(&evidence);
	return NULL;
}

static int report(error *e, char *reason)
{
	if (!e)
		return 0;
	snprintf(reason, MARBLERUN_REASON_SIZE, "%s", error_message(e));
	error_free(e);
	return 1;
}

int marblerun_issuer_open(const char *program, marblerun_issuer **ret, char reason[MARBLERUN_REASON_SIZE])
{
	return report(issuer_open(&real_kernel, program, ret), reason);
}

void marblerun_issuer_free(marblerun_issuer *issuer)
{
	if (!issuer)
		return;
	issuer->kind->close(issuer->context);
	free(issuer);
}

const char *marblerun_issuer_name(const marblerun_issuer *issuer)
{
	return issuer->kind->name(issuer->context);
}

const char *marblerun_issuer_sim_platform(const marblerun_issuer *issuer)
{
	return issuer->kind->sim_platform ? issuer->kind->sim_platform(issuer->context) : NULL;
}

int marblerun_issue(marblerun_issuer *issuer, const uint8_t report_data[64], uint8_t **ret,
		    size_t *ret_size, char reason[MARBLERUN_REASON_SIZE])
{
	struct blob evidence = { 0 };
	int failed = report(issue(issuer, report_data, &evidence), reason);
	if (!failed) {
		*ret = evidence.data;
		*ret_size = evidence.size;
	}
	return failed;
}

error *issuer_sealing_key(marblerun_issuer *issuer, enum sealing_kind kind, struct secret *ret)
{
	return issuer->kind->sealing_key(issuer->context, kind, ret);
}
