/* The manifest as data: what the JSON said, defaults filled in, nothing checked across sections yet.
 * All strings and arrays live in the manifest's arena; arrays of named entries are sorted by name
 * (byte order), so that a lookup costs a binary search however many marbles there are. */
#pragma once
#include "base/arena.h"
#include "base/blob.h"
#include "codec/json.h"
#include "marblerun/verify.h"

enum { MANIFEST_SIZE_MAX = 16 << 20 }; /* bytes; as much as a request body may hold */

/* Bits of tcb statuses: 1u << enum marblerun_tcb_status. */
typedef uint32_t tcb_status_set;

struct string_list {
	const char **items;
	size_t count;
};

/* A value that evidence must have, byte by byte; which bytes count is the property's matter. */
struct expected {
	bool given;
	uint8_t value[64];
};

/* Which TDs may be a marble: "TDX" of a package. Names as in Intel's TD report. */
struct tdx_package {
	bool given;
	struct expected mrtd, rtmr[4], mrseam, mrsignerseam, mrconfigid, mrowner, mrownerconfig, xfam;
	struct expected minimum_tee_tcb_svn; /* each of the 16 at least */
	bool allow_sept_ve;    /* the host may inject exceptions (SEPT_VE_DISABLE is not set) */
	bool allow_migration;  /* the TD may be moved by a migration TD */
};

/* A minimum for each part of a TCB. */
struct snp_minimum {
	bool given;
	uint64_t boot_loader, tee, snp, microcode, fmc;
};
/* Which guests may be a marble: "SNP" of a package. Names as in AMD's attestation report. */
struct snp_package {
	bool given;
	struct expected measurement, host_data, id_key_digest, author_key_digest, family_id, image_id;
	uint64_t minimum_guest_svn, vmpl; /* vmpl 0: the most privileged */
	bool single_socket;    /* demanded */
	bool forbid_smt;
	bool allow_migration;  /* a migration agent may be associated */
	struct snp_minimum minimum_tcb, minimum_launch_tcb;
};

/* Package: which software may be a marble. Also the content of an --era-config file. */
struct package {
	const char *name;
	bool has_unique_id, has_signer_id, has_product_id, has_security_version;
	uint8_t unique_id[32], signer_id[32];
	const char *placeholder; /* "<…>" given for an ID: no evidence satisfies it. NULL: none */
	uint64_t product_id;
	uint64_t security_version;
	struct tdx_package tdx;
	struct snp_package snp;
	bool debug;
	tcb_status_set accepted_tcb_statuses; /* default filled in */
	bool has_accepted_tcb_statuses;       /* the manifest gave them */
	struct string_list accepted_advisories; /* empty: all */
};

/* Platforms that marbles may run on. One that restricts nothing allows all, but only where no other restricts
 * anything: public manifests name clouds so. */
struct infrastructure {
	const char *name;
	const json_t *definition; /* borrowed from manifest.json */
	/* Hexadecimal, of sizes that were checked; empty: any */
	struct string_list fmspcs, ppids, chip_ids;
	struct string_list products; /* "Milan", … */
	struct snp_minimum minimum_tcb;
	bool has_minimum_tcb_date;
	int64_t minimum_tcb_date;
	tcb_status_set statuses; /* 0: whatever the package accepts */
	bool restricts;
};

enum parameter_encoding { PARAMETER_STRING, PARAMETER_BASE64, PARAMETER_HEX };
/* A file or an environment variable. */
struct parameter {
	const char *name;
	bytes data; /* decoded; may hold NULs */
	enum parameter_encoding encoding;
	bool no_templates;
};

struct marble {
	const char *name;
	const char *package;
	uint64_t max_activations; /* 0: no limit */
	bool disable_secret_binding;
	struct parameter *files, *environment;
	size_t file_count, environment_count;
	struct string_list arguments; /* Argv */
	struct string_list tls;       /* tags */
	bool deny_unlisted;           /* ours: TCP and UDP to or from elsewhere fails */
	struct string_list resolvable_names; /* ours, with deny_unlisted: names, or "*.suffix" */
};

enum secret_type {
	SECRET_PLAIN,
	SECRET_SYMMETRIC_KEY,
	SECRET_CERT_RSA,
	SECRET_CERT_ECDSA,
	SECRET_CERT_ED25519,
};
/* "plain", "symmetric-key", "cert-rsa", "cert-ecdsa", "cert-ed25519". */
const char *secret_type_name(enum secret_type type);

struct secret_definition {
	const char *name;
	enum secret_type type;
	uint64_t size; /* bits */
	bool shared, user_defined;
	uint64_t valid_for;      /* days; 0: not given */
	bool has_not_after;
	int64_t not_after;       /* seconds since 1970 */
	json_t *cert;            /* the "Cert" object (Go's x509.Certificate fields) or NULL; borrowed
				  * from manifest.json. Read and checked by secrets/generate. */
};

struct user {
	const char *name;
	const char *certificate_pem;
	struct blob certificate; /* DER; memory of the arena */
	struct string_list roles;
};

enum resource_type { RESOURCE_PACKAGES, RESOURCE_SECRETS, RESOURCE_MANIFEST };
/* Actions, as a set. */
enum action {
	ACTION_UPDATE_SECURITY_VERSION = 1 << 0,
	ACTION_READ_SECRET = 1 << 1,
	ACTION_WRITE_SECRET = 1 << 2,
	ACTION_UPDATE_MANIFEST = 1 << 3,
};
struct role {
	const char *name;
	enum resource_type resource_type;
	struct string_list resource_names;
	unsigned actions;
};

struct recovery_key {
	const char *name;
	const char *public_key_pem;
};

struct tls_entry {
	const char *port, *address; /* address: outgoing only */
	const char *cert;           /* a secret, or NULL */
	bool disable_client_auth;
	/* Ours: the marble types that may be at the other end; no items: any. */
	struct string_list allowed_marbles, expected_marbles; /* incoming; outgoing */
};
struct tls_tag {
	const char *name;
	struct tls_entry *outgoing, *incoming;
	size_t outgoing_count, incoming_count;
};

enum seal_mode { SEAL_PRODUCT_KEY, SEAL_UNIQUE_KEY, SEAL_DISABLED };
enum feature { FEATURE_SIGN_QUOTE_ENDPOINT = 1 << 0, FEATURE_MONOTONIC_COUNTER = 1 << 1,
	       FEATURE_AZURE_HSM_SEALING = 1 << 2 };
enum key_type { KEY_TYPE_P256, KEY_TYPE_P384 };
struct manifest_config {
	enum seal_mode seal_mode;
	unsigned features;
	uint64_t update_threshold, recovery_threshold;
	bool rotate_root_secret;
	bool stop_on_rollback; /* ours: "StopOnRollback" */
	enum key_type key_type; /* ours: "KeyType": "P-256" (default) | "P-384" */
};

struct manifest {
	struct arena arena;
	struct blob text;        /* the exact bytes that were uploaded */
	uint8_t fingerprint[32]; /* their SHA-256 */
	json_t *json;            /* parsed; keeps borrowed json_t alive */
	struct package *packages;
	struct infrastructure *infrastructures;
	struct marble *marbles;
	struct secret_definition *secrets;
	struct user *users;
	struct role *roles;
	struct recovery_key *recovery_keys;
	struct tls_tag *tls;
	size_t package_count, infrastructure_count, marble_count, secret_count, user_count, role_count,
		recovery_key_count, tls_count;
	struct manifest_config config;
};

/* NULL when there is none. */
const struct package *manifest_package(const struct manifest *m, const char *name);
const struct marble *manifest_marble(const struct manifest *m, const char *name);
const struct secret_definition *manifest_secret(const struct manifest *m, const char *name);
const struct user *manifest_user(const struct manifest *m, const char *name);
const struct role *manifest_role(const struct manifest *m, const char *name);
/* Does it say which marbles may be at the other end of a connection? */
bool tls_tag_names_peers(const struct tls_tag *tag);
const struct tls_tag *manifest_tls(const struct manifest *m, const char *name);
/* NULL is accepted. */
void manifest_free(struct manifest *m);
DEFINE_CLEANUP(manifest_free, struct manifest *)
