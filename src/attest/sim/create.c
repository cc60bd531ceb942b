/* Making a simulated platform, and changing what its TCB is worth. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/sim/certificates.h"
#include "marblerun/sim.h"

static error *make_folder(const char *path)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return NULL;
	return error_errno(ERROR_UNAVAILABLE, errno, "creating the folder %s", path);
}

static error *make_folders(const char *folder)
{
	CLEANUP_FREE char *root = NULL, *private = NULL, *programs = NULL;
	TRY(make_folder(folder));
	TRY(sim_path(folder, "root_ca.pem", &root));
	TRY(sim_path(folder, "private", &private));
	TRY(sim_path(folder, SIM_PROGRAMS, &programs));
	if (access(root, F_OK) == 0 || access(private, F_OK) == 0)
		return error_new(ERROR_CONFLICT, "%s holds a simulated platform already; name another folder, "
				 "or remove it", folder);
	TRY(make_folder(private));
	return make_folder(programs);
}

static error *make_key(const char *folder, const char *name)
{
	CLEANUP_KEY EVP_PKEY *key = EVP_EC_gen("P-256");
	TRY_ALLOC(key);
	return sim_write_key(folder, name, key);
}

static error *create(const char *folder, struct sim_validity validity)
{
	CLEANUP_KEY EVP_PKEY *signer = NULL;
	CLEANUP(secret_free) struct secret sealing = { 0 };
	if (validity.days < 1 || validity.days > 36500)
		return error_new(ERROR_INVALID, "valid for %u days; 1 to 36500 are expected", validity.days);
	TRY(make_folders(folder));
	TRY(make_key(folder, SIM_ATTESTATION_KEY));
	TRY(make_key(folder, SIM_SIGNER_KEY));
	TRY(sim_sealing_secret(folder, &sealing));
	TRY(sim_write_certificates(folder, validity, &signer));
	TRY(sim_write_qe_identity(folder, signer, validity));
	return sim_write_tcb_info(folder, MARBLERUN_TCB_UP_TO_DATE, NULL, 0, signer, validity);
}

static error *set_tcb(const char *folder, enum marblerun_tcb_status status, const char *const *advisories,
		      size_t count, struct sim_validity validity)
{
	CLEANUP_KEY EVP_PKEY *signer = NULL;
	if (marblerun_tcb_status_of_name(marblerun_tcb_status_name(status)) == MARBLERUN_TCB_UNKNOWN)
		return error_new(ERROR_INVALID, "there is no such TCB status");
	if (count > MARBLERUN_ADVISORIES_MAX)
		return error_new(ERROR_INVALID, "%zu advisories; at most %d are expected", count,
				 MARBLERUN_ADVISORIES_MAX);
	for (size_t i = 0; i < count; i++)
		if (!*advisories[i] || strlen(advisories[i]) >= MARBLERUN_ADVISORY_SIZE)
			return error_new(ERROR_INVALID, "\"%.40s\" is no advisory's name", advisories[i]);
	TRY(sim_read_key(folder, SIM_TCB_SIGNING_KEY, &signer));
	return sim_write_tcb_info(folder, status, advisories, count, signer, validity);
}

static int report(error *e, char *reason)
{
	if (!e)
		return 0;
	snprintf(reason, MARBLERUN_REASON_SIZE, "%s", error_message(e));
	error_free(e);
	return 1;
}

int marblerun_sim_create(const char *folder, int64_t now, unsigned valid_days,
			 char reason[MARBLERUN_REASON_SIZE])
{
	return report(create(folder, (struct sim_validity){ now, valid_days }), reason);
}

int marblerun_sim_set_tcb(const char *folder, enum marblerun_tcb_status status,
			  const char *const *advisories, size_t advisory_count, int64_t now,
			  unsigned valid_days, char reason[MARBLERUN_REASON_SIZE])
{
	return report(set_tcb(folder, status, advisories, advisory_count,
			      (struct sim_validity){ now, valid_days }), reason);
}
