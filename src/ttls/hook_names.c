/* Names that the program looks up: which addresses the listed ones have, and, with DenyUnlisted, which may be asked
 * for at all. */
#include <netdb.h>

#include "ttls/hook.h"
#include "ttls/rules.h"

static bool refused(const char *name)
{
	return plane.mode == PLANE_BROKEN || (plane.mode == PLANE_ON && !rules_resolvable(name));
}

HOOK int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict hints,
		     struct addrinfo **restrict ret)
{
	if (refused(name))
		return EAI_NONAME;
	int result = sys->getaddrinfo(name, service, hints, ret);
	if (!result && name && plane.mode == PLANE_ON)
		rules_learn_all(name, *ret);
	return result;
}

static void learn_host(const char *name, const struct hostent *found)
{
	if (plane.mode != PLANE_ON || !found || (found->h_addrtype != AF_INET && found->h_addrtype != AF_INET6))
		return;
	for (char **address = found->h_addr_list; *address; address++)
		rules_learn(name, found->h_addrtype, *address);
}

HOOK struct hostent *gethostbyname(const char *name)
{
	if (refused(name)) {
		h_errno = HOST_NOT_FOUND;
		return NULL;
	}
	struct hostent *found = sys->gethostbyname(name);
	learn_host(name, found);
	return found;
}

HOOK struct hostent *gethostbyname2(const char *name, int family)
{
	if (refused(name)) {
		h_errno = HOST_NOT_FOUND;
		return NULL;
	}
	struct hostent *found = sys->gethostbyname2(name, family);
	learn_host(name, found);
	return found;
}

HOOK int gethostbyname_r(const char *restrict name, struct hostent *restrict to, char *restrict room, size_t size,
			 struct hostent **restrict ret, int *restrict failure)
{
	if (refused(name)) {
		*ret = NULL;
		*failure = HOST_NOT_FOUND;
		return ENOENT;
	}
	int result = sys->gethostbyname_r(name, to, room, size, ret, failure);
	learn_host(name, result ? NULL : *ret);
	return result;
}

HOOK int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict to, char *restrict room,
			  size_t size, struct hostent **restrict ret, int *restrict failure)
{
	if (refused(name)) {
		*ret = NULL;
		*failure = HOST_NOT_FOUND;
		return ENOENT;
	}
	int result = sys->gethostbyname2_r(name, family, to, room, size, ret, failure);
	learn_host(name, result ? NULL : *ret);
	return result;
}
