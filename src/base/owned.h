/* How ownership reads: CLEANUP releases at the end of the scope, TAKE hands over. */
#pragma once
#include <stdlib.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* CLEANUP(thing_free) struct thing *t = NULL; calls thing_free(t) when t leaves the scope.
 * Needs DEFINE_CLEANUP(thing_free, struct thing *) next to the declaration of thing_free. */
#define CLEANUP(function) __attribute__((cleanup(function##_cleanup)))
#define DEFINE_CLEANUP(function, type)                                                             \
	static inline void function##_cleanup(type *owned)                                         \
	{                                                                                          \
		function(*owned);                                                                  \
	}
/* The same for values whose release function takes their address. */
#define DEFINE_CLEANUP_IN_PLACE(function, type)                                                    \
	static inline void function##_cleanup(type *owned)                                         \
	{                                                                                          \
		function(owned);                                                                   \
	}

/* Hands an owned pointer over: the variable is NULL afterwards. */
#define TAKE(owned)                                                                                \
	__extension__({                                                                            \
		__auto_type taken_ = (owned);                                                      \
		(owned) = NULL;                                                                    \
		taken_;                                                                            \
	})

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* CLEANUP_FREE char *text: released with free(). */
static inline void free_pointer_cleanup(void *address)
{
	free(*(void **)address);
}
#define CLEANUP_FREE __attribute__((cleanup(free_pointer_cleanup)))
