/* calls PORT [SCENARIO...]: what the C library's socket functions say, call by call. With the data plane it must print
 * what it prints without. Each scenario is a process of its own, so that none disturbs another. */
#include "calls.h"

enum { SCENARIO_SECONDS = 15 };

static const struct scenario *const subjects[] = {
	connecting_scenarios, messages_scenarios, time_scenarios, ends_scenarios, epoll_scenarios,
	descriptors_scenarios, files_scenarios,
};

static void run(const struct scenario *s)
{
	int status = 0;
	printf("%s\n", s->name);
	fflush(stdout);
	pid_t child = fork();
	if (!child) {
		setpgid(0, 0);
		s->run();
		exit(0);
	}
	for (int ms = 0; waitpid(child, &status, WNOHANG) == 0; ms += 5) {
		if (ms == SCENARIO_SECONDS * 1000)
			kill(-child, SIGKILL);
		sleep_ms(5);
	}
	if (status)
		printf("\tended with %#x\n", (unsigned)status);
}

static bool wanted(const char *name, int count, char **arguments)
{
	for (int i = 2; i < count; i++)
		if (strcmp(arguments[i], name) == 0)
			return true;
	return count <= 2;
}

int main(int count, char **arguments)
{
	make_stream();
	port = (uint16_t)(count > 1 ? atoi(arguments[1]) : 0);
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
		for (const struct scenario *s = subjects[i]; s->name; s++)
			if (wanted(s->name, count, arguments))
				run(s);
	return 0;
}
