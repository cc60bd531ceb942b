/* The ends of connections: shut down, left, reset, closed. */
#include "calls.h"

static void shut_down(int how)
{
	int c, s;
	make_pair(&c, &s, true);
	handle(SIGPIPE, 0);
	send(s, "waiting", 7, 0);
	polled(c, POLLIN);
	SAY(shutdown(c, how));
	SAY(recv(c, text, 100, MSG_DONTWAIT));
	SAY(recv(c, text, 100, MSG_DONTWAIT));
	SAY(recv(c, text, 100, MSG_DONTWAIT | MSG_PEEK));
	SAY(send(c, "after", 5, 0));
	SAY(send(c, "after", 5, MSG_NOSIGNAL));
	SAY(signals);
	if (how == SHUT_RD)
		SAY(recv(s, text, 5, MSG_WAITALL));
	else
		SAY(recv(s, text, 100, 0));
	SAY(shutdown(c, how));
	SAY(close(c));
}

static void shut_for_reading(void)
{
	shut_down(SHUT_RD);
}

static void shut_for_writing(void)
{
	shut_down(SHUT_WR);
}

static void shut_for_both(void)
{
	shut_down(SHUT_RDWR);
}

static void shut_in_other_ways(void)
{
	int c, s;
	make_pair(&c, &s, true);
	SAY(shutdown(c, 7));
	SAY(shutdown(c, -1));
	SAY(send(c, "still", 5, 0));
	SAY(recv(s, text, 10, 0));
	close(s);
	sleep_ms(20);
	SAY(recv(c, text, 10, 0));
	SAY(shutdown(c, SHUT_WR));
	sleep_ms(20);
	SAY(shutdown(c, SHUT_RDWR));
}

static void waking_by_shutdown(void)
{
	int c, s;
	struct later then;
	make_pair(&c, &s, true);
	later(&then, act_shutdown, s, 100);
	SAY(recv(s, text, 10, 0));
	pthread_join(then.thread, NULL);
	SAY(recv(c, text, 10, 0));
	int l = listener(0);
	later(&then, act_shutdown, l, 100);
	SAY(accept(l, NULL, NULL));
	pthread_join(then.thread, NULL);
	close(l);
	make_pair(&c, &s, true);
	later(&then, act_shutdown, s, 100);
	SAY(polled(s, POLLIN) & (POLLIN | POLLHUP | POLLERR));
	pthread_join(then.thread, NULL);
}

static void waking_by_shutdown_at_the_beginning(void)
{
	int c, s;
	struct later then;
	make_pair(&c, &s, false);
	later(&then, act_shutdown, s, 100);
	SAY(recv(s, text, 10, 0));
	pthread_join(then.thread, NULL);
}

static void signals_of_pipes(void)
{
	int c, s;
	make_pair(&c, &s, true);
	handle(SIGPIPE, 0);
	close(s);
	sleep_ms(20);
	SAY(send(c, "first", 5, 0));
	sleep_ms(20);
	SAY(signals);
	SAY(send(c, "second", 6, MSG_NOSIGNAL));
	SAY(signals);
	SAY(send(c, "third", 5, 0));
	SAY(signals);
	SAY(write(c, "fourth", 6));
	SAY(signals);
	struct iovec part = { text, 4 };
	SAY(writev(c, &part, 1));
	SAY(signals);
	int file = open("/proc/self/exe", O_RDONLY);
	SAY(sendfile(c, file, NULL, 100));
	SAY(signals);
}

static void after_a_reset(void)
{
	int c, s;
	make_pair(&c, &s, true);
	SAY(set_linger(s, 1, 0));
	SAY(close(s));
	SAY(polled(c, POLLIN | POLLOUT | POLLRDHUP));
	SAY(recv(c, text, 10, 0));
	SAY(send(c, "x", 1, MSG_NOSIGNAL));
	SAY(option(c, SOL_SOCKET, SO_ERROR));
	make_pair(&c, &s, true);
	set_linger(s, 1, 0);
	close(s);
	sleep_ms(20);
	SAY(option(c, SOL_SOCKET, SO_ERROR));
	SAY(option(c, SOL_SOCKET, SO_ERROR));
	make_pair(&c, &s, true);
	set_linger(s, 1, 0);
	close(s);
	sleep_ms(20);
	SAY(send(c, "x", 1, MSG_NOSIGNAL));
	SAY(send(c, "x", 1, MSG_NOSIGNAL));
	make_pair(&c, &s, true);
	send(s, "lost", 4, 0);
	set_linger(s, 1, 0);
	close(s);
	sleep_ms(20);
	SAY(recv(c, text, 10, 0));
}

static void lingering(void)
{
	int c, s;
	make_pair(&c, &s, true);
	SAY(set_linger(c, 1, 5));
	SAY(send(c, "bye", 3, 0));
	SAY(close(c));
	SAY(recv(s, text, 10, 0));
	SAY(recv(s, text, 10, 0));
}

static void what_poll_says_at_the_end(void)
{
	int c, s;
	const short all = POLLIN | POLLOUT | POLLRDHUP | POLLPRI;
	make_pair(&c, &s, true);
	SAY(polled(c, all));
	send(s, "last", 4, 0);
	shutdown(s, SHUT_WR);
	sleep_ms(20);
	SAY(polled(c, all));
	SAY(recv(c, text, 10, 0));
	SAY(polled(c, all));
	SAY(recv(c, text, 10, 0));
	SAY(polled(c, all));
	shutdown(c, SHUT_WR);
	sleep_ms(20);
	SAY(polled(c, all));
	SAY(polled(s, all));
	SAY(recv(s, text, 10, 0));
	SAY(polled(s, all));
	close(s);
	SAY(polled(s, all));
}

const struct scenario ends_scenarios[] = {
	SCENARIO(shut_for_reading), SCENARIO(shut_for_writing), SCENARIO(shut_for_both),
	SCENARIO(shut_in_other_ways), SCENARIO(waking_by_shutdown),
	SCENARIO(waking_by_shutdown_at_the_beginning), SCENARIO(signals_of_pipes), SCENARIO(after_a_reset),
	SCENARIO(lingering), SCENARIO(what_poll_says_at_the_end), { 0 },
};
