#include "manifest/package_update.h"

#include <strings.h>

#include "manifest/decode.h"

bool manifest_is_package_update(const struct manifest *m)
{
	bool nothing_else = !m->marble_count && !m->user_count && !m->role_count && !m->secret_count &&
			    !m->recovery_key_count && !m->tls_count && !m->infrastructure_count;
	return nothing_else && m->package_count && !json_object_size(json_member(m->json, "Config"));
}

static bool is_comment(const char *name)
{
	return name[0] == '_' || name[0] == '$' || strncmp(name, "//", 2) == 0;
}

/* The JSON is asked: what the model does not have would otherwise be ignored. */
static error *check_only_version(json_t *package, const struct place *at)
{
	const char *name;
	json_t *value;
	json_object_foreach(package, name, value)
		if (!is_comment(name) && !json_is_null(value) && strcasecmp(name, "SecurityVersion") != 0)
			return refuse(at, "%s: an update of packages changes nothing but SecurityVersion",
				      shown(name).text);
	return NULL;
}

static error *check_version(const struct manifest *present, const struct package *p, const struct place *at)
{
	const struct package *now = manifest_package(present, p->name);
	if (!now)
		return refuse(at, "the manifest has no such package");
	if (!p->has_security_version)
		return refuse(at, "SecurityVersion is missing");
	if (now->has_security_version && p->security_version < now->security_version)
		return refuse(at, "SecurityVersion %llu is below the present %llu",
			      (unsigned long long)p->security_version,
			      (unsigned long long)now->security_version);
	return NULL;
}

error *package_update_check(const struct manifest *present, const struct manifest *update)
{
	struct place section = { NULL, "Packages", 0 };
	json_t *packages = json_member(update->json, "Packages");
	for (size_t i = 0; i < update->package_count; i++) {
		const struct package *p = &update->packages[i];
		struct place at = { &section, p->name, 0 };
		TRY(check_only_version(json_object_get(packages, p->name), &at));
		TRY(check_version(present, p, &at));
	}
	return NULL;
}
