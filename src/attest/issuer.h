/* Ways to a TEE: a table of functions each, chosen by what is there. */
#pragma once
#include "base/blob.h"
#include "marblerun/issue.h"

struct issuer_kind {
	const char *name;
	/* Is this process in that TEE? Looks only. */
	bool (*present)(void);
	error *(*open)(const char *program, void **ret_context);
	error *(*issue)(void *context, const uint8_t report_data[64], struct blob *ret);
	const char *(*sim_platform)(void *context); /* NULL on real TEEs */
	void (*close)(void *context);
};
extern const struct issuer_kind simulated_issuer;
