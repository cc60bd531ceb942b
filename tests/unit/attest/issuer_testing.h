/* What the tests of issuers share. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "attest/issuer.h"
#include "stand_in.h"

static inline void must(error *e)
{
	if (e)
		fail_msg("%s", error_message(e));
}

static inline void assert_refused(error *given, enum error_code code, const char *part)
{
	CLEANUP(error_free) error *e = given;
	assert_non_null(e);
	if (error_code(e) != code || !strstr(error_message(e), part))
		fail_msg("%s (%s), where %s with \"%s\" is expected", error_message(e),
			 error_code_name(error_code(e)), error_code_name(code), part);
}

static inline marblerun_issuer *open_on_stand_in(void)
{
	marblerun_issuer *issuer = NULL;
	must(issuer_open(&stand_in_kernel, NULL, &issuer));
	return issuer;
}

static inline void issuer_free_cleanup(marblerun_issuer **issuer)
{
	marblerun_issuer_free(*issuer);
}
#define CLEANUP_ISSUER __attribute__((cleanup(issuer_free_cleanup)))

static inline int reset(void **state)
{
	(void)state;
	stand_in_reset();
	return 0;
}

/* No open file is left behind. */
static inline int check_and_reset(void **state)
{
	(void)state;
	size_t left = stand_in_open_descriptors();
	stand_in_reset();
	return left ? -1 : 0;
}
#define ISSUER_TEST(test) cmocka_unit_test_setup_teardown(test, reset, check_and_reset)
