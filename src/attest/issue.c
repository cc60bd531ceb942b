#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "attest/issuer.h"

struct marblerun_issuer {
	const struct issuer_kind *kind;
	void *context;
};

/* Interfaces of real TEEs. Where one is, nothing is simulated: a host that sets a variable must not
 * turn a real coordinator into a simulated one. */
static const struct {
	const char *name, *path;
} real_tees[] = {
	{ "Gramine", "/dev/attestation/quote" },
	{ "Occlum", "/dev/sgx" },
	{ "configfs-tsm", "/sys/kernel/config/tsm/report" },
};

static const char *real_tee(void)
{
	for (size_t i = 0; i < sizeof real_tees / sizeof real_tees[0]; i++)
		if (access(real_tees[i].path, F_OK) == 0)
			return real_tees[i].name;
	return NULL;
}

static error *choose(const struct issuer_kind **ret)
{
	const char *real = real_tee();
	bool simulate = simulated_issuer.present();
	if (simulate && real)
		return error_new(ERROR_INVALID, "MARBLERUN_SIM_PLATFORM is set, but this process runs in a real "
				 "TEE (%s): unset it", real);
	if (simulate) {
		*ret = &simulated_issuer;
		return NULL;
	}
	if (real)
		return error_new(ERROR_UNSUPPORTED, "issuing evidence through %s is not supported yet", real);
	return error_new(ERROR_UNAVAILABLE, "no TEE found: neither Gramine (/dev/attestation), Occlum "
			 "(/dev/sgx) nor configfs-tsm (/sys/kernel/config/tsm/report) is there");
}

static error *open_issuer(const char *program, marblerun_issuer *issuer)
{
	TRY(choose(&issuer->kind));
	return issuer->kind->open(program, &issuer->context);
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
	marblerun_issuer *issuer = calloc(1, sizeof *issuer);
	error *e = issuer ? open_issuer(program, issuer) : error_no_memory();
	if (e) {
		free(issuer);
		return report(e, reason);
	}
	*ret = issuer;
	return 0;
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
	return issuer->kind->name;
}

const char *marblerun_issuer_sim_platform(const marblerun_issuer *issuer)
{
	return issuer->kind->sim_platform ? issuer->kind->sim_platform(issuer->context) : NULL;
}

int marblerun_issue(marblerun_issuer *issuer, const uint8_t report_data[64], uint8_t **ret,
		    size_t *ret_size, char reason[MARBLERUN_REASON_SIZE])
{
	struct blob evidence = { 0 };
	int failed = report(issuer->kind->issue(issuer->context, report_data, &evidence), reason);
	if (!failed) {
		*ret = evidence.data;
		*ret_size = evidence.size;
	}
	return failed;
}
