/* What an update of the manifest means, in words that a person can decide on. */
#pragma once
#include "manifest/model.h"

enum diff_kind { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };
/* How much attention an entry deserves. */
enum diff_severity {
	DIFF_INFO,    /* a consequence, or a tightening that hurts nobody */
	DIFF_NOTICE,  /* a person should agree with it */
	DIFF_WEAKENS, /* a protection that holds now is loosened or gone */
};
/* "added", "info", …: as in the JSON form. */
const char *diff_kind_name(enum diff_kind kind);
const char *diff_severity_name(enum diff_severity severity);

struct diff_entry {
	/* A section of the manifest, or Manifest, Access, Keys, Certificates, Recovery, Running. */
	const char *section;
	const char *name; /* of the section's entry, secret, marble …; "" where there is none */
	enum diff_kind kind;
	enum diff_severity severity;
	const char *text; /* sentences */
};

/* How an update would be carried out. */
enum diff_update {
	DIFF_UPDATE_NONE,     /* both manifests say the same */
	DIFF_UPDATE_PACKAGES, /* of SecurityVersions alone: one user's request applies it */
	DIFF_UPDATE_MANIFEST, /* waits for acknowledgments */
};

/* Marbles that run, as their coordinator knows them. */
struct running_marble {
	const char *type;
	const struct marblerun_verdict *verdict; /* NULL: unknown (plain simulation has no evidence) */
	size_t count;                            /* of instances */
	bool estimated;                          /* the count is not exact */
};
/* Activations that MaxActivations has counted so far. */
struct activation_count {
	const char *type;
	uint64_t used;
};
struct running_state {
	const struct running_marble *marbles;
	size_t marble_count;
	const struct activation_count *activations;
	size_t activation_count;
	bool incomplete; /* more kinds of marbles run than were recorded */
};

struct manifest_diff {
	struct arena arena;
	enum diff_update update;
	uint8_t from[32], to[32];            /* fingerprints */
	bool has_running;
	uint64_t acknowledgments;            /* how many the update needs */
	struct string_list users;            /* who may give them, by the present manifest */
	struct string_list kept_secrets;     /* whose values stay, when there is an update */
	struct diff_entry *entries;          /* always in the same order */
	size_t count;
};

enum { DIFF_ENTRIES_MAX = 100000, DIFF_MEMORY_MAX = 64 << 20 };
/* Both manifests must have passed manifest_check, but `to` may be an update of packages. `running` may
 * be NULL. ERROR_INVALID: a template of `to`, or what an update of packages may not say.
 * ERROR_TOO_LARGE: more than DIFF_ENTRIES_MAX entries. The result borrows nothing. */
error *manifest_diff(const struct manifest *from, const struct manifest *to,
		     const struct running_state *running, struct manifest_diff **ret) MUST_USE;
void manifest_diff_free(struct manifest_diff *diff);
DEFINE_CLEANUP(manifest_diff_free, struct manifest_diff *)

/* The JSON form (docs/users-and-updates.md). */
error *diff_json(const struct manifest_diff *diff, json_t **ret) MUST_USE;
