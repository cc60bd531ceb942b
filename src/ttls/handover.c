#include "ttls/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "telemetry/table.h"
#include "ttls/shared.h"

/* Out of the way of programs that count on small numbers. */
enum { FIRST_DESCRIPTOR = 200 };

void handover_close(struct handover *handover)
{
	for (int i = 0; i < HANDOVER_FILES; i++) {
		if (handover->files[i] >= 0)
			close(handover->files[i]);
		handover->files[i] = -1;
	}
}

void handover_name(const int files[HANDOVER_FILES], char ret[HANDOVER_TEXT])
{
	snprintf(ret, HANDOVER_TEXT, HANDOVER_VARIABLE "=%d:%d:%d", files[HANDOVER_POLICY], files[HANDOVER_REGION],
		 files[HANDOVER_TELEMETRY]);
}

bool handover_parse(const char *value, int ret[HANDOVER_FILES])
{
	char end;
	return sscanf(value, "%d:%d:%d%c", &ret[HANDOVER_POLICY], &ret[HANDOVER_REGION], &ret[HANDOVER_TELEMETRY],
		      &end) == HANDOVER_FILES;
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

error *handover_make(const struct plane_policy *policy, bool telemetry, struct handover *ret)
{
	CLEANUP(handover_close) struct handover made = { .files = HANDOVER_NONE };
	CLEANUP(writer_free) struct writer w = { .secret = true };
	const int count = telemetry ? HANDOVER_FILES : HANDOVER_TELEMETRY;
	plane_policy_write(policy, &w);
	TRY(writer_check(&w, "data plane"));
	made.files[HANDOVER_POLICY] = memfd_create("marblerun data plane policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	made.files[HANDOVER_REGION] = shared_region_new();
	made.files[HANDOVER_TELEMETRY] = telemetry ? telemetry_new() : -1;
	for (int i = 0; i < count; i++)
		if (made.files[i] < 0)
			return error_errno(ERROR_UNSUPPORTED, errno, "data plane: files in memory");
	bool moved = fill(made.files[HANDOVER_POLICY], writer_view(&w));
	for (int i = 0; i < count; i++)
		moved = moved && move_up(&made.files[i]);
	if (!moved)
		return error_errno(ERROR_UNAVAILABLE, errno, "data plane: handing over");
	handover_name(made.files, made.variable);
	*ret = made;
	made = (struct handover){ .files = HANDOVER_NONE };
	return NULL;
}
