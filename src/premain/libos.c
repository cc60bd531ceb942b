#include "premain/libos.h"

#include <string.h>

enum libos libos_of_system(const struct utsname *system)
{
	if (strcmp(system->sysname, "Occlum") == 0)
		return LIBOS_OCCLUM;
	/* Gramine has no name of its own: it says Linux, in one fixed version that no machine with a
	 * TEE runs. */
	if (strcmp(system->sysname, "Linux") == 0 && strcmp(system->release, "3.10.0") == 0 &&
	    strcmp(system->version, "1") == 0 && strcmp(system->machine, "x86_64") == 0)
		return LIBOS_GRAMINE;
	return LIBOS_NONE;
}

enum libos libos_detect(void)
{
	struct utsname system;
	return uname(&system) == 0 ? libos_of_system(&system) : LIBOS_NONE;
}
