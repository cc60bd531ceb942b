/* The data plane of this process. */
#pragma once
#include "telemetry/table.h"
#include "ttls/handover.h"
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
	int files[HANDOVER_FILES]; /* as handed over; -1: none */
	char *path; /* of this library */
	struct plane_policy policy;
	struct shared_region *region;
	struct telemetry *telemetry; /* NULL: off */
};
extern struct plane plane;
/* The launcher's files: a program that closes everything does not mean them. */
bool plane_reserves(int fd);
