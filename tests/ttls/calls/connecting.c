/* Connecting, accepting, and what a socket is set to. */
#include "calls.h"

static void connecting_in_progress(void)
{
	int l = listener(0), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	SAY(start_connecting(c));
	SAY(polled(c, POLLOUT));
	SAY(option(c, SOL_SOCKET, SO_ERROR));
	SAY(start_connecting(c));
	SAY(start_connecting(c));
	int s = accept(l, NULL, NULL);
	SAY(recv(c, text, 10, 0));
	SAY(send(c, "hello", 5, 0));
	SAY(recv(s, text, 10, 0));
	SAY(option(c, SOL_SOCKET, SO_ERROR));
}

static void connecting_again(void)
{
	int c = socket(AF_INET, SOCK_STREAM, 0), d = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	SAY(start_connecting(c));
	SAY(start_connecting(d));
	SAY(polled(d, POLLOUT | POLLIN));
	SAY(option(d, SOL_SOCKET, SO_ERROR));
	SAY(option(d, SOL_SOCKET, SO_ERROR));
	int l = listener(0);
	SAY(start_connecting(c));
	int s = accept(l, NULL, NULL);
	SAY(send(c, "again", 5, 0));
	SAY(recv(s, text, 10, 0));
	start_connecting(d); /* what the kernel says here depends on whether it has told of the failure */
	SAY(start_connecting(d));
	int t = accept(l, NULL, NULL);
	SAY(send(t, "twice", 5, 0));
	SAY(polled(d, POLLIN));
	SAY(recv(d, text, 10, 0));
}

static void disconnecting(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int l = listener(0), c = socket(AF_INET, SOCK_STREAM, 0);
	start_connecting(c);
	int s = accept(l, NULL, NULL);
	send(c, "x", 1, 0);
	SAY(recv(s, text, 10, 0));
	SAY(connect(c, &none, sizeof none));
	SAY(send(c, "x", 1, MSG_NOSIGNAL));
	SAY(recv(c, text, 10, 0));
	SAY(start_connecting(c));
	int t = accept(l, NULL, NULL);
	SAY(send(t, "new", 3, 0));
	SAY(recv(c, text, 10, 0));
}

static void accepting(void)
{
	struct sockaddr_in peer, own;
	socklen_t size = sizeof peer, own_size = sizeof own;
	int l = listener(SOCK_NONBLOCK), c = socket(AF_INET, SOCK_STREAM, 0), s;
	SAY(accept(l, NULL, NULL));
	SAY(accept4(l, NULL, NULL, 0x1000));
	SAY(start_connecting(c));
	SAY(polled(l, POLLIN));
	SAY((s = accept4(l, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
	SAY(fcntl(s, F_GETFL) & O_NONBLOCK);
	SAY(fcntl(s, F_GETFD));
	SAY(getsockname(c, (struct sockaddr *)&own, &own_size));
	SAY(size == own_size && peer.sin_port == own.sin_port && peer.sin_family == AF_INET);
	SAY(getpeername(s, (struct sockaddr *)&own, &own_size));
	SAY(peer.sin_port == own.sin_port);
	SAY(accept(l, NULL, NULL));
	SAY(accept(c, NULL, NULL));
	SAY(accept(0, NULL, NULL));
	SAY(accept(-1, NULL, NULL));
	size = 4;
	int d = socket(AF_INET, SOCK_STREAM, 0);
	start_connecting(d);
	SAY((s = accept(l, (struct sockaddr *)&peer, &size)) >= 0);
	SAY(size);
	SAY(fcntl(s, F_GETFL) & O_NONBLOCK);
}

static void not_connected(void)
{
	int l = listener(0), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in peer;
	socklen_t size = sizeof peer;
	SAY(send(fd, "x", 1, MSG_NOSIGNAL));
	SAY(recv(fd, text, 1, 0));
	SAY(shutdown(fd, SHUT_WR));
	SAY(getpeername(fd, (struct sockaddr *)&peer, &size));
	SAY(send(l, "x", 1, MSG_NOSIGNAL));
	SAY(recv(l, text, 1, 0));
	SAY(recv(-1, text, 1, 0));
	SAY(send(12345, text, 1, 0));
	SAY(close(12345));
	SAY(dup(12345));
	SAY(recv(0, text, 1, 0));
	SAY(shutdown(0, SHUT_RD));
}

static void options(void)
{
	int c, s, one = 1, there = -1;
	make_pair(&c, &s, true);
	SAY(set_option(c, IPPROTO_TCP, TCP_NODELAY, 1));
	SAY(option(c, IPPROTO_TCP, TCP_NODELAY));
	SAY(set_option(c, IPPROTO_TCP, TCP_CORK, 1));
	SAY(send(c, "corked", 6, 0));
	SAY(option(c, IPPROTO_TCP, TCP_CORK));
	SAY(set_option(c, IPPROTO_TCP, TCP_CORK, 0));
	SAY(recv(s, text, 10, 0));
	SAY(send(c, "more", 4, MSG_MORE));
	SAY(send(c, "done", 4, 0));
	SAY(recv(s, text, 8, MSG_WAITALL));
	SAY(option(s, SOL_SOCKET, SO_RCVLOWAT));
	SAY(set_option(s, SOL_SOCKET, SO_RCVLOWAT, 4));
	SAY(option(s, SOL_SOCKET, SO_TYPE));
	SAY(option(s, SOL_SOCKET, SO_DOMAIN));
	SAY(option(s, SOL_SOCKET, SO_ACCEPTCONN));
	SAY(option(s, SOL_SOCKET, 9999));
	SAY(set_option(s, SOL_SOCKET, 9999, 1));
	SAY(ioctl(s, FIONBIO, &one));
	SAY(recv(s, text, 10, 0));
	SAY(ioctl(s, FIONREAD, &there));
	SAY(there);
	SAY(ioctl(s, 0x1234, &there));
	SAY(fcntl(s, 9999));
	SAY(fcntl(s, F_SETFL, O_ASYNC));
	SAY(fcntl(s, F_GETFL) & (O_NONBLOCK | O_ASYNC));
}

const struct scenario connecting_scenarios[] = {
	SCENARIO(connecting_in_progress), SCENARIO(connecting_again), SCENARIO(disconnecting),
	SCENARIO(accepting), SCENARIO(not_connected), SCENARIO(options), { 0 },
};
