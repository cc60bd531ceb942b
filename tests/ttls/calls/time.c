/* Limits of time, and signals. */
#include "calls.h"

static void limits_of_time(void)
{
	int c, s;
	make_pair(&c, &s, true);
	SAY(set_time(s, SO_RCVTIMEO, 50));
	SAY(recv(s, text, 10, 0));
	SAY(read(s, text, 10));
	send(c, "abc", 3, 0);
	SAY(recv(s, text, 10, MSG_WAITALL));
	SAY(set_time(c, SO_SNDTIMEO, 50));
	long sent = 0, now;
	while ((now = send(c, stream + sent, 1 << 16, 0)) > 0)
		sent += now;
	say("the last send", now);
	SAY(sent > 0);
	go_on(c, s, sent);
	SAY(recv(s, text, 10, 0));
}

/* The peer has said nothing yet, and may never. */
static void limits_of_time_at_the_beginning(void)
{
	int l = listener(0), c = socket(AF_INET, SOCK_STREAM, 0);
	SAY(set_time(c, SO_RCVTIMEO, 100));
	SAY(start_connecting(c));
	SAY(recv(c, text, 10, 0));
	SAY(recv(c, text, 10, 0));
	int s = accept(l, NULL, NULL);
	set_time(s, SO_RCVTIMEO, 100);
	SAY(recv(s, text, 10, 0));
	SAY(send(c, "now", 3, 0));
	SAY(recv(s, text, 10, 0));
}

static void interrupted(int flags, bool met)
{
	int c, s, d, t;
	struct later then;
	make_pair(&c, &s, met);
	handle(SIGALRM, flags);
	alarm_after(50, 0);
	later(&then, act_send, c, 300);
	SAY(recv(s, text, 10, 0));
	SAY(signals);
	pthread_join(then.thread, NULL);
	if (!(flags & SA_RESTART))
		SAY(recv(s, text, 10, 0));
	make_pair(&d, &t, met);
	handle(SIGALRM, flags);
	alarm_after(50, 0);
	struct pollfd p = { .fd = t, .events = POLLIN };
	SAY(poll(&p, 1, 5000));
	SAY(signals);
	alarm_after(50, 0);
	fd_set set;
	FD_ZERO(&set);
	FD_SET(t, &set);
	SAY(select(t + 1, &set, NULL, NULL, NULL));
	int e = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = t };
	epoll_ctl(e, EPOLL_CTL_ADD, t, &event);
	alarm_after(50, 0);
	SAY(epoll_wait(e, &event, 1, 5000));
}

static void interrupted_calls(void)
{
	interrupted(0, true);
}

static void restarted_calls(void)
{
	interrupted(SA_RESTART, true);
}

static void interrupted_first_calls(void)
{
	interrupted(0, false);
}

static void restarted_first_calls(void)
{
	interrupted(SA_RESTART, false);
}

/* The first bytes are those of a client that is slow. */
static void signals_at_the_beginning(int flags)
{
	int l = listener(0), status;
	pid_t child = fork();
	if (!child) {
		int c = socket(AF_INET, SOCK_STREAM, 0);
		start_connecting(c);
		sleep_ms(300);
		(void)!send(c, "slow", 4, 0);
		_exit(0);
	}
	int s = accept(l, NULL, NULL);
	handle(SIGALRM, flags);
	alarm_after(50, 0);
	SAY(recv(s, text, 10, 0));
	SAY(signals);
	waitpid(child, &status, 0);
}

static void restarted_at_the_beginning(void)
{
	signals_at_the_beginning(SA_RESTART);
}

static void interrupted_at_the_beginning(void)
{
	signals_at_the_beginning(0);
}

static void interrupted_accepting(void)
{
	int l = listener(0);
	handle(SIGALRM, 0);
	alarm_after(50, 0);
	SAY(accept(l, NULL, NULL));
	SAY(signals);
}

static void interrupted_sending(void)
{
	int c, s;
	make_pair(&c, &s, true);
	handle(SIGALRM, 0);
	alarm_after(200, 200);
	long sent = send(c, stream, LARGE, 0), more;
	SAY(sent > 0 && sent < LARGE);
	while ((more = send(c, stream + sent, LARGE - sent, 0)) > 0)
		sent += more;
	say("a send without any room", more);
	alarm_after(0, 0);
	go_on(c, s, sent);
}

const struct scenario time_scenarios[] = {
	SCENARIO(limits_of_time), SCENARIO(limits_of_time_at_the_beginning), SCENARIO(interrupted_calls),
	SCENARIO(restarted_calls), SCENARIO(interrupted_first_calls), SCENARIO(restarted_first_calls),
	SCENARIO(restarted_at_the_beginning), SCENARIO(interrupted_at_the_beginning),
	SCENARIO(interrupted_accepting), SCENARIO(interrupted_sending), { 0 },
};
