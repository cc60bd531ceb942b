/* The data plane of this process. */
#pragma once
#include "ttls/policy.h"
#include "ttls/shared.h"

enum plane_mode {
	PLANE_OFF,    /* not launched as a marble with TLS: everything passes */
	PLANE_ON,
	PLANE_BROKEN, /* it should be on and can't: nothing passes */
};

struct plane {
	enum plane_mode mode;
	int process; /* a child of vfork has its parent's memory, and is told by this */
	int policy_file, region_file;
	char *path; /* of this library */
	struct plane_policy policy;
	struct shared_region *region;
};
extern struct plane plane;
