#include "access/access.h"

#include "base/owned.h"

static const struct permission {
	enum action action;
	enum resource_type resource_type;
	const char *name; /* as in the manifest's Actions */
} permissions[] = {
	{ ACTION_UPDATE_SECURITY_VERSION, RESOURCE_PACKAGES, "UpdateSecurityVersion" },
	{ ACTION_READ_SECRET, RESOURCE_SECRETS, "ReadSecret" },
	{ ACTION_WRITE_SECRET, RESOURCE_SECRETS, "WriteSecret" },
	{ ACTION_UPDATE_MANIFEST, RESOURCE_MANIFEST, "UpdateManifest" },
};

error *access_user(const struct manifest *m, bytes certificate, const struct user **ret)
{
	if (!certificate.size)
		return error_new(ERROR_UNAUTHENTICATED,
				 "a TLS client certificate of a user of the manifest is needed");
	for (size_t i = 0; i < m->user_count; i++)
		if (bytes_equal(blob_view(&m->users[i].certificate), certificate)) {
			*ret = &m->users[i];
			return NULL;
		}
	return error_new(ERROR_UNAUTHENTICATED,
			 "the TLS client certificate is that of no user of the manifest");
}

static const struct permission *find_permission(enum action action)
{
	for (size_t i = 0; i < ARRAY_SIZE(permissions); i++)
		if (permissions[i].action == action)
			return &permissions[i];
	return NULL;
}

static bool names_resource(const struct role *role, const char *resource)
{
	for (size_t i = 0; resource && i < role->resource_names.count; i++)
		if (strcmp(role->resource_names.items[i], resource) == 0)
			return true;
	return false;
}

static bool grants(const struct role *role, const struct permission *wanted, const char *resource)
{
	return role->resource_type == wanted->resource_type && (role->actions & wanted->action) &&
	       (wanted->resource_type == RESOURCE_MANIFEST || names_resource(role, resource));
}

error *access_check(const struct manifest *m, const struct user *user, enum action action,
		    const char *resource)
{
	const struct permission *wanted = find_permission(action);
	if (!wanted)
		return error_new(ERROR_INTERNAL, "%u is not one action", (unsigned)action);
	for (size_t i = 0; i < user->roles.count; i++) {
		const struct role *role = manifest_role(m, user->roles.items[i]);
		if (role && grants(role, wanted, resource))
			return NULL;
	}
	bool whole = wanted->resource_type == RESOURCE_MANIFEST || !resource;
	return error_new(ERROR_DENIED, "user \"%s\" has no permission %s%s%s%s", user->name,
			 wanted->name, whole ? "" : " for \"", whole ? "" : resource,
			 whole ? "" : "\"");
}
