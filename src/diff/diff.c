#include "diff/diff.h"

#include "access/access.h"
#include "diff/diff_internal.h"
#include "manifest/package_update.h"

/* ---- Who decides ---- */

static bool may(const struct manifest *m, const struct user *user, enum action action, const char *resource)
{
	error *e = access_check(m, user, action, resource);
	error_free(e);
	return !e;
}

static bool may_take_part(const struct manifest *from, const struct manifest *update, const struct user *user,
			  enum diff_update kind)
{
	if (kind == DIFF_UPDATE_MANIFEST)
		return may(from, user, ACTION_UPDATE_MANIFEST, NULL);
	for (size_t i = 0; i < update->package_count; i++)
		if (!may(from, user, ACTION_UPDATE_SECURITY_VERSION, update->packages[i].name))
			return false;
	return true;
}

static error *who_decides(struct diffing *d, const struct manifest *update)
{
	struct manifest_diff *out = d->out;
	const struct manifest *m = d->from;
	out->users.items = arena_alloc(&out->arena, m->user_count + 1, sizeof *out->users.items);
	TRY_ALLOC(out->users.items);
	for (size_t i = 0; i < m->user_count; i++) {
		if (!may_take_part(m, update, &m->users[i], out->update))
			continue;
		char *name = arena_string(&out->arena, bytes_of_string(m->users[i].name));
		TRY_ALLOC(name);
		out->users.items[out->users.count++] = name;
	}
	bool packages = out->update == DIFF_UPDATE_PACKAGES;
	out->acknowledgments = packages			  ? 1 :
			       m->config.update_threshold ? m->config.update_threshold : out->users.count;
	return NULL;
}

/* ---- The whole ---- */

static error *describe_manifests(struct diffing *d)
{
	TRY(diff_packages(d));
	TRY(diff_marbles(d));
	TRY(diff_tls(d));
	TRY(diff_secrets(d));
	TRY(diff_people(d));
	TRY(diff_config(d));
	TRY(diff_unknown_sections(d));
	TRY(diff_recovery(d));
	TRY(diff_grants(d));
	return diff_uses(d);
}

static error *describe_consequences(struct diffing *d)
{
	TRY(diff_renewed(d));
	return diff_running(d);
}

static error *diff_whole(struct diffing *d)
{
	struct manifest_diff *out = d->out;
	struct subject text = { .d = d, .section = "Manifest", .name = "" };
	TRY(describe_manifests(d));
	bool same_text = memcmp(out->from, out->to, sizeof out->from) == 0;
	if (!out->count && same_text)
		return NULL;
	if (!out->count)
		TRY(diff_add(&text, DIFF_CHANGED, DIFF_INFO, "The text differs in comments, spaces or the order of "
			     "members only; its fingerprint changes."));
	out->update = DIFF_UPDATE_MANIFEST;
	TRY(who_decides(d, d->to));
	return describe_consequences(d);
}

/* The present manifest with the versions of the update. */
static error *merge(struct diffing *d, const struct manifest *update, struct manifest *ret)
{
	struct manifest merged = *d->from;
	size_t count = merged.package_count;
	merged.packages = arena_alloc(&d->out->arena, count + 1, sizeof *merged.packages);
	TRY_ALLOC(merged.packages);
	memcpy(merged.packages, d->from->packages, count * sizeof *merged.packages);
	for (size_t i = 0; i < count; i++) {
		const struct package *raised = manifest_package(update, merged.packages[i].name);
		if (!raised)
			continue;
		merged.packages[i].has_security_version = true;
		merged.packages[i].security_version = raised->security_version;
	}
	*ret = merged;
	return NULL;
}

static error *diff_versions(struct diffing *d, const struct manifest *update)
{
	struct manifest merged;
	TRY(package_update_check(d->from, update));
	TRY(merge(d, update, &merged));
	d->to = &merged;
	TRY(diff_packages(d));
	if (!d->out->count)
		return NULL;
	d->out->update = DIFF_UPDATE_PACKAGES;
	TRY(who_decides(d, update));
	return describe_consequences(d);
}

error *manifest_diff(const struct manifest *from, const struct manifest *to,
		     const struct running_state *running, struct manifest_diff **ret)
{
	CLEANUP(manifest_diff_free) struct manifest_diff *out = calloc(1, sizeof *out);
	TRY_ALLOC(out);
	struct diffing d = { .from = from, .to = to, .running = running, .out = out };
	out->arena.limit = DIFF_MEMORY_MAX;
	out->has_running = running != NULL;
	memcpy(out->from, from->fingerprint, sizeof out->from);
	memcpy(out->to, to->fingerprint, sizeof out->to);
	TRY(manifest_is_package_update(to) ? diff_versions(&d, to) : diff_whole(&d));
	*ret = TAKE(out);
	return NULL;
}

void manifest_diff_free(struct manifest_diff *diff)
{
	if (!diff)
		return;
	free(diff->entries);
	arena_free(&diff->arena);
	free(diff);
}
