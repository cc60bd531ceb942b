/* The folder of a simulated platform: the endorsements as any relying party would fetch them, the root
 * as root_ca.pem, and below private/ what only the platform itself would have. */
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/types.h>

#include "base/blob.h"
#include "base/secret.h"

/* What signs: CPU (attestation key), PCE (PCK key), Intel (root, platform CA, TCB signer). */
#define SIM_ROOT_KEY "private/root.key"
#define SIM_PLATFORM_CA_KEY "private/platform_ca.key"
#define SIM_PCK_KEY "private/pck.key"
#define SIM_TCB_SIGNING_KEY "private/tcb_signing.key"
#define SIM_ATTESTATION_KEY "private/attestation.key"
#define SIM_SEALING_SECRET "private/sealing.secret"
#define SIM_SIGNER_KEY "private/signer.key"
#define SIM_PROGRAMS "private/programs"

error *sim_path(const char *folder, const char *name, char **ret) MUST_USE;
error *sim_write(const char *folder, const char *name, bytes content, mode_t mode) MUST_USE;
error *sim_read(const char *folder, const char *name, struct blob *ret) MUST_USE;
error *sim_write_key(const char *folder, const char *name, EVP_PKEY *key) MUST_USE;
error *sim_read_key(const char *folder, const char *name, EVP_PKEY **ret) MUST_USE;
/* What the CPU's fused key is on a real one: 32 bytes, made when there are none. */
error *sim_sealing_secret(const char *folder, struct secret *ret) MUST_USE;
/* The x ‖ y of a P-256 key. */
error *sim_public_point(EVP_PKEY *key, uint8_t ret[64]) MUST_USE;
/* r ‖ s of ECDSA with SHA-256. */
error *sim_sign(EVP_PKEY *key, bytes message, uint8_t ret[64]) MUST_USE;
/* The MRSIGNER of everything that this platform's signer signs. */
error *sim_signer_id(const char *folder, uint8_t ret[32]) MUST_USE;
static inline void sim_key_free_cleanup(EVP_PKEY **owned)
{
	EVP_PKEY_free(*owned);
}
#define CLEANUP_KEY __attribute__((cleanup(sim_key_free_cleanup)))
