/* Marblerun: manifests, for those who decide about them. No TEE and no network are needed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <marblerun/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What it means to replace one manifest by another, in words. `new_manifest` may also be an update of
 * packages: nothing but their new SecurityVersions. Both are the bytes of the JSON text, at most 16 MiB,
 * and are checked as a coordinator would.
 *
 * 0: *ret_json is a JSON object in a NUL-terminated text of the caller's, to be released with free():
 *   update                 "none" (both say the same), "packages" or "manifest"
 *   fromFingerprint, toFingerprint   SHA-256 in hexadecimal
 *   neededAcknowledgments  how many users must agree
 *   users                  [name]: who may, by the old manifest
 *   keptSecrets            [name]: whose values stay
 *   runningKnown           were running marbles looked at? Here: false
 *   entries                [{section, name, kind, severity, text}]
 * kind is added, removed or changed; severity is info, notice, or weakens: a protection that holds now
 * is loosened or gone. The order of entries is always the same.
 * Otherwise a positive number, and the reason. */
MARBLERUN_EXPORT int marblerun_manifest_diff(struct marblerun_bytes old_manifest,
					     struct marblerun_bytes new_manifest, char **ret_json,
					     char reason[MARBLERUN_REASON_SIZE]);

#ifdef __cplusplus
}
#endif
