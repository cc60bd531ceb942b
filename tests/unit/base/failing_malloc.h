/* Allocations of our own code that fail when told to; link with -Wl,--wrap=malloc,--wrap=calloc. */
#pragma once
#include <stddef.h>

/* The n-th allocation from now fails (from 1), and all that follow it; 0: none. */
void fail_allocation(size_t n);
/* Has one failed since? */
int allocation_failed(void);
