/* The sealed store: state in two files of one folder, for the coordinator's own eyes.
 *
 * sealed_key: the state key (32 bytes), encrypted under a sealing key of the platform.
 *   "MRKEY001"; number of bindings (1 or 2); for each: mode (1 product, 2 unique), generation (16), nonce (12),
 *   AES-256-GCM of the state key (32), tag (16). Its key: HKDF-SHA-256(sealing key, no salt, "marblerun key
 *   encryption v1"). Associated data: "marblerun sealed key v1", NUL, mode, generation.
 * sealed_data: header, then records, of which the first is a snapshot and each further one a commit.
 *   Header: "MRDATA01"; generation (16, random); be32 size and public section.
 *   Record: be32 size of what follows; nonce (12); AES-256-GCM of the content; tag (16). Its key:
 *   HKDF-SHA-256(state key, generation, "marblerun sealed data v1"). Associated data: "marblerun sealed record
 *   v1", NUL, SHA-256 of the header, be64 number of the record, tag of the record before (zeros at first).
 *   Content: be64 epoch, digest (32); for each name: be32 size and name, 1 or 0 (deleted), be32 size and value.
 *
 * A generation is one writing of the whole file: its name is random, and the sealed key names the generation
 * that it belongs to. So a sealed key of an earlier generation opens nothing later; while the whole is being
 * rewritten it names both. What a crash may leave behind the last whole record is dropped; whatever else does
 * not authenticate is refused. The host can put back an older pair of files: see coordinator/history.h. */
#pragma once
#include "store/file_operations.h"
#include "store/store.h"

struct sealed_options {
	const char *folder;          /* made, with mode 0700, when it is not there */
	bytes product_key, unique_key; /* the platform's sealing keys, 32 bytes; empty: it has none */
	const struct file_operations *files;
};
/* Opens what the folder holds: nothing (the store is empty), a state that opens, or one that stays locked.
 * ERROR_CONFLICT when another process uses the folder, ERROR_UNAVAILABLE when it can't be used. */
error *store_open_sealed(const struct sealed_options *options, struct store **ret) MUST_USE;
