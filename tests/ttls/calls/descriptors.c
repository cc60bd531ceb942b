/* Copies of descriptors; threads and processes that share a connection. */
#include "calls.h"

static void copies(void)
{
	int c, s;
	struct later then;
	make_pair(&c, &s, false);
	int d = dup(s), e = fcntl(c, F_DUPFD, 100);
	SAY(close(s));
	SAY(send(e, "copy", 4, 0));
	SAY(recv(d, text, 10, 0));
	SAY(dup2(d, 50));
	SAY(close(d));
	SAY(dup3(50, 51, O_CLOEXEC));
	SAY(fcntl(51, F_GETFD));
	SAY(dup3(50, 50, 0));
	SAY(dup2(50, 50));
	SAY(dup2(77, 50));
	SAY(dup2(50, -1));
	later(&then, act_nothing, 51, 0);
	pthread_join(then.thread, NULL);
	SAY(close(51));
	SAY(send(50, "reply", 5, 0));
	SAY(recv(c, text, 10, 0));
	SAY(close(50));
	SAY(recv(e, text, 10, 0));
	SAY(close_range(100, 100, 0));
	SAY(send(e, "x", 1, 0));
	SAY(send(c, "x", 1, 0));
}

static void a_copy_over_another(void)
{
	int c, s, d, t;
	make_pair(&c, &s, true);
	make_pair(&d, &t, true);
	SAY(dup2(s, t) == t);
	SAY(recv(d, text, 10, 0));
	SAY(send(t, "by s", 4, 0));
	SAY(recv(c, text, 10, 0));
	SAY(dup2(open("/dev/null", O_RDWR), t) == t);
	SAY(write(t, "nowhere", 7));
	SAY(send(s, "again", 5, 0));
	SAY(recv(c, text, 10, 0));
}

static void two_threads_read(void)
{
	int c, s;
	struct later then, reader;
	make_pair(&c, &s, true);
	later(&reader, act_drain, s, 0);
	sleep_ms(50);
	SAY(recv(s, text, 10, MSG_DONTWAIT));
	SAY(recv(s, text, 10, MSG_DONTWAIT | MSG_PEEK));
	int there = -1;
	SAY(ioctl(s, FIONREAD, &there));
	SAY(there);
	later(&then, act_send, c, 100);
	pthread_join(then.thread, NULL);
	sleep_ms(50);
	SAY(recv(s, text, 10, MSG_DONTWAIT));
	SAY(send(s, "x", 1, 0));
	SAY(recv(c, text, 10, 0));
	shutdown(c, SHUT_WR);
	pthread_join(reader.thread, NULL);
	SAY(recv(s, text, 10, 0));
}

static void a_child_that_closes(void)
{
	int c, s, status;
	make_pair(&c, &s, true);
	for (int i = 0; i < 3; i++) {
		pid_t child = fork();
		if (!child) {
			close(c);
			close(s);
			i == 0 ? exit(0) : i == 1 ? _exit(0) : quick_exit(0);
		}
		waitpid(child, &status, 0);
	}
	SAY(send(c, "still", 5, 0));
	SAY(recv(s, text, 10, 0));
	SAY(close(s));
	SAY(recv(c, text, 10, 0));
}

/* Parts of what came at once, by one process after the other. */
static void readers_that_take_turns(void)
{
	int c, s, status;
	make_pair(&c, &s, true);
	for (int i = 0; i < 3; i++) {
		send(c, "abcdefgh", 8, 0);
		pid_t child = fork();
		if (!child) {
			SAY(recv(s, text, 3, MSG_WAITALL));
			SAY(text[0]);
			_exit(0);
		}
		waitpid(child, &status, 0);
		SAY(recv(s, text, i == 1 ? 2 : 100, 0));
		SAY(text[0]);
	}
	SAY(recv(s, text, 100, MSG_DONTWAIT));
}

/* What a reader that is killed has not taken is there for the next one. */
static void a_reader_that_is_killed(void)
{
	int c, s, status;
	make_pair(&c, &s, true);
	pid_t child = fork();
	if (!child) {
		(void)!recv(s, text, 10, 0);
		_exit(0);
	}
	sleep_ms(100);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	SAY(send(c, "hello", 5, 0));
	SAY(recv(s, text, 10, 0));
	SAY(send(s, "there", 5, 0));
	SAY(recv(c, text, 10, 0));
}

const struct scenario descriptors_scenarios[] = {
	SCENARIO(copies), SCENARIO(a_copy_over_another), SCENARIO(two_threads_read),
	SCENARIO(a_child_that_closes), SCENARIO(readers_that_take_turns),
	SCENARIO(a_reader_that_is_killed), { 0 },
};
