/* Raises this marble's counter NAME by one and prints what it was: with it, a program notices that its own
 * files were put back to an older version. The coordinator is at EDG_COORDINATOR_CLIENT_ADDR. Usage: counter NAME */
#include <inttypes.h>
#include <marblerun/marble.h>
#include <stdio.h>

int main(int count, char **arguments)
{
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_marble *marble;
	uint64_t before, unchanged;
	if (count != 2) {
		fputs("usage: counter NAME\n", stderr);
		return 1;
	}
	int failed = marblerun_marble_open(&marble, reason);
	if (!failed) {
		failed = marblerun_counter_raise(marble, NULL, arguments[1], 0, &before, reason);
		if (!failed)
			failed = marblerun_counter_raise(marble, NULL, arguments[1], before + 1, &unchanged, reason);
		marblerun_marble_free(marble);
	}
	if (failed) {
		fprintf(stderr, "counter: %s\n", reason);
		return 1;
	}
	printf("%" PRIu64 "\n", before);
	return before != unchanged; /* somebody else counts, too */
}
