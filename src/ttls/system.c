#include "ttls/system.h"

#include <dlfcn.h>

struct system_functions system_functions;
int system_found;

/* Twice at the same time finds the same. */
void system_find(void)
{
#define SYSTEM_FIND(result, name, parameters)                                                                  \
	system_functions.name = (result(*) parameters)dlsym(RTLD_NEXT, #name);
	SYSTEM_FUNCTIONS(SYSTEM_FIND)
#undef SYSTEM_FIND
	__atomic_store_n(&system_found, 1, __ATOMIC_RELEASE);
}
