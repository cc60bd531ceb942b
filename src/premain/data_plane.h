/* The data plane for a program whose marble has TLS in the manifest. */
#pragma once
#include "marblerun/marble.h"
#include "premain/libos.h"
#include "premain/observer.h"
#include "ttls/handover.h"

struct data_plane {
	bool wanted;
	char *preload; /* LD_PRELOAD=… */
	struct handover handover;
	struct observer observer;
};
#define DATA_PLANE_NONE { .handover = { .files = HANDOVER_NONE } }
/* The library that is preloaded, where it was installed. ERROR_NOT_FOUND. Free with free(). */
error *data_plane_library(char **ret) MUST_USE;
/* From MARBLE_TTLS_CONFIG in what the coordinator gives; nothing is wanted without. ERROR_UNSUPPORTED in a LibOS:
 * connections that should be TLS must not silently be none. */
error *data_plane_prepare(enum libos libos, const struct marblerun_parameters *given, struct data_plane *ret)
	MUST_USE;
/* Starts the observer, when one is wanted. *ret_port: its own; 0: none. */
error *data_plane_observe(const struct data_plane *plane, unsigned *ret_port) MUST_USE;
/* From here on this process and its children get no io_uring, which moves bytes past every library, and no
 * privileges by set-uid files, which no library is preloaded into. */
error *data_plane_confine(const struct data_plane *plane) MUST_USE;
void data_plane_free(struct data_plane *plane);
DEFINE_CLEANUP_IN_PLACE(data_plane_free, struct data_plane)
