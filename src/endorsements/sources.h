/* Several places one after the other: the first that has endorsements gives them. */
#pragma once
#include "attest/endorsements.h"

enum { SOURCES_MAX = 4 };
struct endorsement_sources {
	struct endorsements items[SOURCES_MAX];
	size_t count;
};
struct endorsements endorsement_sources_use(struct endorsement_sources *sources);
