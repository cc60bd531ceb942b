#include "ttls/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ttls/shared.h"

/* Out of the way of programs that count on small numbers. */
enum { FIRST_DESCRIPTOR = 200 };

void handover_close(struct handover *handover)
{
	if (handover->policy_file >= 0)
		close(handover->policy_file);
	if (handover->region_file >= 0)
		close(handover->region_file);
	*handover = (struct handover){ .policy_file = -1, .region_file = -1 };
}

static bool move_up(int *file)
{
	int moved = fcntl(*file, F_DUPFD, FIRST_DESCRIPTOR); /* without close-on-exec */
	if (moved < 0)
		return false;
	close(*file);
	*file = moved;
	return true;
}

static bool fill(int file, bytes content)
{
	while (content.size) {
		ssize_t written = write(file, content.data, content.size);
		if (written < 0)
			return false;
		content = bytes_slice(content, (size_t)written, SIZE_MAX);
	}
	return fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

error *handover_make(const struct plane_policy *policy, struct handover *ret)
{
	CLEANUP(handover_close) struct handover made = { .policy_file = -1, .region_file = -1 };
	CLEANUP(writer_free) struct writer w = { .secret = true };
	plane_policy_write(policy, &w);
	TRY(writer_check(&w, "data plane"));
	made.policy_file = memfd_create("marblerun data plane policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	made.region_file = shared_region_new();
	if (made.policy_file < 0 || made.region_file < 0)
		return error_errno(ERROR_UNSUPPORTED, errno, "data plane: files in memory");
	if (!fill(made.policy_file, writer_view(&w)) || !move_up(&made.policy_file) || !move_up(&made.region_file))
		return error_errno(ERROR_UNAVAILABLE, errno, "data plane: handing over");
	snprintf(made.variable, sizeof made.variable, HANDOVER_VARIABLE "=%d:%d", made.policy_file,
		 made.region_file);
	*ret = made;
	made.policy_file = made.region_file = -1;
	return NULL;
}
