/* Waiting by epoll. */
#include "calls.h"

static long waited(int e, int ms)
{
	struct epoll_event events[4];
	int ready = epoll_wait(e, events, 4, ms);
	return ready <= 0 ? ready : (long)events[0].events;
}

static int watch(int e, int operation, int fd, uint32_t events, bool by_pointer)
{
	struct epoll_event event = { .events = events };
	if (by_pointer)
		event.data.ptr = text;
	else
		event.data.fd = fd;
	return epoll_ctl(e, operation, fd, &event);
}

static void epoll_ways(bool by_pointer)
{
	int c, s, e = epoll_create1(0);
	make_pair(&c, &s, true);
	SAY(watch(e, EPOLL_CTL_ADD, s, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, by_pointer));
	SAY(waited(e, 50));
	send(c, "abcd", 4, 0);
	SAY(waited(e, 5000));
	SAY(waited(e, 50));
	SAY(recv(s, text, 2, 0));
	SAY(watch(e, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, by_pointer));
	SAY(waited(e, 5000));
	SAY(recv(s, text, 10, 0));
	SAY(watch(e, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLET, by_pointer));
	SAY(waited(e, 50));
	send(c, "ef", 2, 0);
	SAY(waited(e, 5000));
	SAY(waited(e, 50));
	send(c, "gh", 2, 0);
	SAY(waited(e, 5000));
	SAY(recv(s, text, 10, 0));
	SAY(watch(e, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLOUT | EPOLLRDHUP, by_pointer));
	SAY(waited(e, 5000));
	shutdown(c, SHUT_WR);
	sleep_ms(20);
	SAY(waited(e, 5000));
	SAY(recv(s, text, 10, 0));
	SAY(waited(e, 5000));
	shutdown(s, SHUT_WR);
	sleep_ms(20);
	SAY(waited(e, 5000));
	SAY(watch(e, EPOLL_CTL_DEL, s, 0, by_pointer));
	SAY(watch(e, EPOLL_CTL_ADD, s, EPOLLIN | EPOLLEXCLUSIVE, by_pointer));
	SAY(waited(e, 5000));
	SAY(close(s));
	SAY(waited(e, 50));
}

static void epoll_by_descriptor(void)
{
	epoll_ways(false);
}

static void epoll_by_pointer(void)
{
	epoll_ways(true);
}

/* nginx counts what is there, takes that, and then waits for an edge, however much there was. */
static void edges_after_counting(void)
{
	static char piece[1 << 12];
	int c, s, e = epoll_create1(0);
	long sent = 0, got = 0, now;
	make_pair(&c, &s, true);
	watch(e, EPOLL_CTL_ADD, s, EPOLLIN | EPOLLET, false);
	while (sent < 1 << 20 && (now = send(c, stream + sent, 1 << 16, MSG_DONTWAIT)) > 0)
		sent += now;
	while (got < sent && waited(e, 1000) > 0) {
		int there = 0;
		ioctl(s, FIONREAD, &there);
		for (; there > 0 && (now = recv(s, piece, sizeof piece, MSG_DONTWAIT)) > 0; got += now)
			there -= (int)now;
	}
	say("what comes when edges are waited for", got - sent);
}

static void epoll_twice(void)
{
	int c, s, e = epoll_create1(0), f = epoll_create1(0);
	make_pair(&c, &s, true);
	SAY(watch(e, EPOLL_CTL_ADD, s, EPOLLIN | EPOLLEXCLUSIVE, false));
	SAY(watch(f, EPOLL_CTL_ADD, s, EPOLLIN | EPOLLEXCLUSIVE, false));
	SAY(watch(e, EPOLL_CTL_ADD, s, EPOLLIN, false));
	SAY(watch(e, EPOLL_CTL_MOD, s, EPOLLIN, false));
	send(c, "x", 1, 0);
	SAY(waited(e, 5000));
	SAY(waited(f, 5000));
	int nested = epoll_create1(0);
	SAY(watch(nested, EPOLL_CTL_ADD, e, EPOLLIN, false));
	SAY(waited(nested, 5000));
	SAY(recv(s, text, 10, 0));
	SAY(waited(nested, 50));
	SAY(waited(f, 50));
}

const struct scenario epoll_scenarios[] = {
	SCENARIO(epoll_by_descriptor), SCENARIO(epoll_by_pointer), SCENARIO(epoll_twice),
	SCENARIO(edges_after_counting), { 0 },
};
