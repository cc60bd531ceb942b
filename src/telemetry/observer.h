/* What the launcher and the observer agree on: marblerun-observer ADDRESS LOG, each empty for none. */
#pragma once

enum {
	OBSERVER_TABLE = 3, /* a description of the table's file of its own */
	OBSERVER_READY = 4, /* a pipe, to which it writes one line */
};
#define OBSERVER_READY_PREFIX "port " /* then a number, 0 without ADDRESS; any other line says what failed */
