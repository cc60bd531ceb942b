/* Library operating systems: a kernel inside the TEE, for this process alone. */
#pragma once
#include <sys/utsname.h>

enum libos { LIBOS_NONE, LIBOS_GRAMINE, LIBOS_OCCLUM };

/* What uname(2) says about it. */
enum libos libos_of_system(const struct utsname *system);
enum libos libos_detect(void);
