/* calls PORT [SCENARIO...]: what the C library's socket functions say, call by call. With the data plane it must print
 * what it prints without. Each scenario is a process of its own, so that none disturbs another. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SCENARIO_SECONDS = 15, LARGE = 32 << 20 };

static uint16_t port;
static char text[256], large[1 << 16];
static volatile int less_than_nothing = -1;

static void say(const char *call, long result)
{
	printf("\t%s = %ld %s\n", call, result, result < 0 ? strerrorname_np(errno) : "");
	fflush(stdout);
}
#define SAY(call) say(#call, (errno = 0, (long)(call)))

static struct sockaddr_in here(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static int start_connecting(int fd)
{
	struct sockaddr_in address = here();
	return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static int listener(int flags)
{
	struct sockaddr_in address = here();
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | flags, 0);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0) {
		perror("listener");
		_exit(2);
	}
	return fd;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof value;
	return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

/* Connected; `met`: a byte has gone each way. */
static void make_pair(int *client, int *server, bool met)
{
	char byte = 'b';
	int l = listener(0);
	*client = socket(AF_INET, SOCK_STREAM, 0);
	if (start_connecting(*client) != 0 || (*server = accept(l, NULL, NULL)) < 0) {
		perror("pair");
		_exit(2);
	}
	close(l);
	set_option(*client, IPPROTO_TCP, TCP_NODELAY, 1); /* the data plane does so, too */
	set_option(*server, IPPROTO_TCP, TCP_NODELAY, 1);
	if (met && (send(*client, &byte, 1, 0) != 1 || recv(*server, &byte, 1, 0) != 1 ||
		    send(*server, &byte, 1, 0) != 1 || recv(*client, &byte, 1, 0) != 1)) {
		perror("met");
		_exit(2);
	}
}

/* What poll says within five seconds; a handshake may have to go on in between. */
static short polled(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	return poll(&p, 1, 5000) > 0 ? p.revents : 0;
}

static void sleep_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

static int set_time(int fd, int name, int ms)
{
	struct timeval value = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	return setsockopt(fd, SOL_SOCKET, name, &value, sizeof value);
}

static int set_linger(int fd, int on, int seconds)
{
	struct linger value = { on, seconds };
	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

/* Something that a thread does after a while. */
struct later {
	int fd, after_ms;
	void (*act)(int fd);
	pthread_t thread;
};

static void *act_later(void *context)
{
	struct later *l = context;
	sleep_ms(l->after_ms);
	l->act(l->fd);
	return NULL;
}

static void later(struct later *l, void (*act)(int fd), int fd, int after_ms)
{
	*l = (struct later){ .fd = fd, .after_ms = after_ms, .act = act };
	pthread_create(&l->thread, NULL, act_later, l);
}

static void act_send(int fd)
{
	(void)!send(fd, "later", 5, 0);
}

static void act_shutdown(int fd)
{
	shutdown(fd, SHUT_RDWR);
}

static void act_nothing(int fd)
{
	(void)fd;
}

static void act_drain(int fd)
{
	static char sink[1 << 16];
	while (recv(fd, sink, sizeof sink, 0) > 0)
		;
}

/* A stream whose every byte is known. */
static uint8_t stream[LARGE];

static void make_stream(void)
{
	for (size_t i = 0; i < sizeof stream; i++)
		stream[i] = (uint8_t)(i * 2654435761U >> 13);
}

/* How many bytes of it arrive, beginning with this one. */
static long take_stream(int fd, long from, long size)
{
	static uint8_t got[1 << 16];
	long taken = 0, now;
	while (taken < size && (now = recv(fd, got, sizeof got, 0)) > 0 &&
	       !memcmp(got, stream + from + taken, (size_t)now))
		taken += now;
	return taken;
}

static long sent_so_far;

static void act_send_on(int fd)
{
	long end = sent_so_far + 1000, now;
	while (sent_so_far < end && (now = send(fd, stream + sent_so_far, end - sent_so_far, 0)) > 0)
		sent_so_far += now;
}

/* After a send that was cut short: the next bytes, and all arrive. */
static void go_on(int sender, int receiver, long sent)
{
	struct later then;
	sent_so_far = sent;
	set_time(sender, SO_SNDTIMEO, 0);
	later(&then, act_send_on, sender, 0);
	say("what comes of it and 1000 more", take_stream(receiver, 0, sent + 1000) - sent);
	pthread_join(then.thread, NULL);
}

static atomic_int signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

static void handle(int number, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
	sigaction(number, &action, NULL);
	signals = 0;
}

static void alarm_after(int ms, int again_ms)
{
	struct itimerval timer = { .it_value.tv_usec = ms * 1000, .it_interval.tv_usec = again_ms * 1000 };
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---- connecting and accepting ---- */

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

/* ---- messages and flags ---- */

static void several_messages(void)
{
	int c, s;
	char a[4], b[4], d[100];
	make_pair(&c, &s, true);
	struct iovec out[] = { { (char[]){ "abc" }, 3 }, { (char[]){ "defgh" }, 5 } };
	struct mmsghdr sent[] = { { .msg_hdr = { .msg_iov = out, .msg_iovlen = 1 } },
				  { .msg_hdr = { .msg_iov = out, .msg_iovlen = 2 } } };
	SAY(sendmmsg(c, sent, 2, 0));
	SAY(sent[0].msg_len);
	SAY(sent[1].msg_len);
	sleep_ms(20);
	struct iovec in[] = { { a, 4 }, { b, 4 }, { d, 100 } };
	struct mmsghdr got[] = { { .msg_hdr = { .msg_iov = in, .msg_iovlen = 1 } },
				 { .msg_hdr = { .msg_iov = in + 1, .msg_iovlen = 1 } },
				 { .msg_hdr = { .msg_iov = in + 2, .msg_iovlen = 1 } },
				 { .msg_hdr = { .msg_iov = in + 2, .msg_iovlen = 1 } } };
	SAY(recvmmsg(s, got, 4, MSG_WAITFORONE, NULL));
	SAY(got[0].msg_len);
	SAY(got[1].msg_len);
	SAY(got[2].msg_len);
	SAY(memcmp(a, "abca", 4) || memcmp(b, "bcde", 4) || memcmp(d, "fgh", 3));
	SAY(recvmmsg(s, got, 4, MSG_DONTWAIT, NULL));
}

static void one_message(void)
{
	int c, s;
	char control[64];
	struct sockaddr_in peer;
	struct iovec part = { text, sizeof text };
	struct msghdr message = { .msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &part, .msg_iovlen = 1,
				  .msg_control = control, .msg_controllen = sizeof control, .msg_flags = 7 };
	make_pair(&c, &s, true);
	send(c, "one", 3, MSG_EOR);
	SAY(recvmsg(s, &message, 0));
	SAY(message.msg_namelen);
	SAY(message.msg_controllen);
	SAY(message.msg_flags & ~MSG_CMSG_CLOEXEC);
	socklen_t size = sizeof peer;
	send(c, "two", 3, 0);
	SAY(recvfrom(s, text, sizeof text, 0, (struct sockaddr *)&peer, &size));
	SAY(size);
	struct sockaddr_in elsewhere = here();
	SAY(sendto(c, "three", 5, 0, (struct sockaddr *)&elsewhere, sizeof elsewhere));
	SAY(recv(s, text, sizeof text, 0));
}

static void flags_of_recv(void)
{
	int c, s;
	struct later then;
	make_pair(&c, &s, true);
	SAY(recv(s, text, 10, MSG_DONTWAIT));
	SAY(recv(s, text, 10, MSG_DONTWAIT | MSG_PEEK));
	send(c, "abcdefgh", 8, 0);
	polled(s, POLLIN);
	SAY(recv(s, text, 3, MSG_TRUNC));
	SAY(recv(s, text, 2, MSG_PEEK | MSG_TRUNC));
	SAY(recv(s, text, 100, MSG_PEEK));
	SAY(recv(s, text, 100, MSG_DONTWAIT));
	SAY(text[0]);
	send(c, "123", 3, 0);
	later(&then, act_send, c, 100);
	SAY(recv(s, text, 8, MSG_WAITALL));
	pthread_join(then.thread, NULL);
	send(c, "123", 3, 0);
	polled(s, POLLIN);
	SAY(recv(s, text, 8, MSG_WAITALL | MSG_DONTWAIT));
	send(c, "tail", 4, 0);
	shutdown(c, SHUT_WR);
	SAY(recv(s, text, 100, MSG_WAITALL));
	SAY(recv(s, text, 100, MSG_WAITALL));
	SAY(recv(s, text, 100, MSG_PEEK));
}

/* What came in two sends lies there as one. */
static void peeking_far(void)
{
	int c, s, there = -1;
	make_pair(&c, &s, true);
	send(c, "abc", 3, 0);
	sleep_ms(20);
	send(c, "defg", 4, 0);
	sleep_ms(20);
	SAY(recv(s, text, 2, MSG_PEEK));
	SAY(recv(s, text, 100, MSG_PEEK));
	SAY(memcmp(text, "abcdefg", 7));
	SAY(ioctl(s, FIONREAD, &there));
	SAY(there);
	SAY(recv(s, text, 2, 0));
	SAY(recv(s, text, 100, MSG_PEEK));
	SAY(memcmp(text, "cdefg", 5));
	SAY(ioctl(s, FIONREAD, &there));
	SAY(there);
	send(c, large, sizeof large, 0);
	send(c, large, 1000, 0);
	sleep_ms(50);
	SAY(recv(s, text, 5, 0));
	SAY(recv(s, text, sizeof text, MSG_PEEK));
	SAY(recv(s, large, sizeof large, MSG_WAITALL));
	SAY(recv(s, large, sizeof large, MSG_PEEK));
	shutdown(c, SHUT_WR);
	sleep_ms(20);
	SAY(recv(s, large, sizeof large, MSG_PEEK));
	SAY(recv(s, large, sizeof large, 0));
	SAY(recv(s, large, sizeof large, MSG_PEEK));
}

static void nothing_at_all(void)
{
	int c, s;
	make_pair(&c, &s, true);
	SAY(read(s, text, 0));
	SAY(recv(s, text, 0, MSG_DONTWAIT));
	SAY(write(c, text, 0));
	SAY(send(c, text, 0, 0));
	SAY(writev(c, NULL, 0));
	SAY(readv(s, NULL, 0));
	send(c, "x", 1, 0);
	polled(s, POLLIN);
	SAY(recv(s, text, 0, MSG_DONTWAIT));
	SAY(read(s, text, 0));
	SAY(recv(s, text, 10, 0));
}

static void vectors(void)
{
	static struct iovec parts[IOV_MAX + 1];
	int c, s;
	make_pair(&c, &s, true);
	for (int i = 0; i <= IOV_MAX; i++)
		parts[i] = (struct iovec){ large + 2 * i, 2 };
	struct msghdr many = { .msg_iov = parts, .msg_iovlen = IOV_MAX + 1 };
	SAY(writev(c, parts, IOV_MAX));
	SAY(writev(c, parts, IOV_MAX + 1));
	SAY(writev(c, parts, less_than_nothing));
	SAY(readv(s, parts, less_than_nothing));
	SAY(sendmsg(c, &many, 0));
	SAY(recvmsg(s, &many, 0));
	SAY(preadv2(s, parts, less_than_nothing, -1, 0));
	SAY(pwritev2(c, parts, less_than_nothing, -1, 0));
	SAY(recv(s, large, 2 * IOV_MAX, MSG_WAITALL));
	SAY(pwritev2(c, parts, 3, -1, 0));
	SAY(pwritev(c, parts, 3, 0));
	SAY(preadv(s, parts, 3, 0));
	SAY(preadv2(s, parts, 2, -1, 0));
	SAY(preadv2(s, parts, 2, -1, RWF_NOWAIT));
	SAY(preadv2(s, parts, 2, -1, RWF_NOWAIT));
	SAY(pread(s, text, 1, 0));
	SAY(lseek(s, 0, SEEK_SET));
}

/* ---- time ---- */

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

/* ---- options ---- */

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

/* ---- ends ---- */

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

/* ---- epoll ---- */

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

/* ---- descriptors, processes, threads ---- */

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

/* ---- streams and files ---- */

static void streams(void)
{
	int c, s;
	char line[100];
	make_pair(&c, &s, true);
	FILE *in = fdopen(s, "r"), *out = fdopen(dup(s), "w");
	SAY(fileno(in) == s);
	SAY(dprintf(c, "%s %d\n", "line", 1));
	SAY(fgets(line, sizeof line, in) == line && strcmp(line, "line 1\n") == 0);
	SAY(dprintf(c, "42 rest\nnext"));
	int number = 0;
	SAY(fscanf(in, "%d", &number));
	SAY(number);
	SAY(ungetc('!', in) == '!');
	SAY(fgetc(in) == '!');
	SAY(fread(line, 1, 10, in));
	SAY(fprintf(out, "%s\n", "reply"));
	SAY(recv(c, text, 100, MSG_DONTWAIT));
	SAY(fflush(out));
	SAY(recv(c, text, 100, 0));
	SAY(fputs("unflushed", out) >= 0);
	SAY(fclose(out));
	SAY(recv(c, text, 100, 0));
	SAY(shutdown(c, SHUT_WR));
	SAY(fgetc(in));
	SAY(feof(in) != 0);
	SAY(ferror(in));
	SAY(fclose(in));
	SAY(fcntl(s, F_GETFD));
}

static void files(void)
{
	int c, s, file = open("/proc/self/exe", O_RDONLY), ends[2];
	off_t at = 5;
	make_pair(&c, &s, true);
	SAY(sendfile(c, file, &at, 100));
	SAY(at);
	SAY(lseek(file, 0, SEEK_CUR));
	SAY(sendfile(c, file, NULL, 10));
	SAY(lseek(file, 0, SEEK_CUR));
	lseek(file, -3, SEEK_END);
	SAY(sendfile(c, file, NULL, 100));
	SAY(sendfile(c, file, NULL, 100));
	SAY(sendfile(c, -1, NULL, 100));
	SAY(sendfile(c, s, NULL, 100));
	SAY(sendfile(c, file, NULL, 0));
	SAY(recv(s, text, 113, MSG_WAITALL));
	SAY(pipe(ends));
	SAY(tee(s, ends[1], 10, 0));
	SAY(copy_file_range(file, NULL, c, NULL, 10, 0));
}

struct scenario {
	const char *name;
	void (*run)(void);
};
#define SCENARIO(name) { #name, name }
static const struct scenario scenarios[] = {
	SCENARIO(connecting_in_progress), SCENARIO(connecting_again), SCENARIO(disconnecting), SCENARIO(accepting),
	SCENARIO(not_connected), SCENARIO(several_messages), SCENARIO(one_message), SCENARIO(flags_of_recv),
	SCENARIO(peeking_far), SCENARIO(nothing_at_all), SCENARIO(vectors), SCENARIO(limits_of_time),
	SCENARIO(limits_of_time_at_the_beginning), SCENARIO(interrupted_calls), SCENARIO(restarted_calls),
	SCENARIO(interrupted_first_calls), SCENARIO(restarted_first_calls), SCENARIO(restarted_at_the_beginning),
	SCENARIO(interrupted_at_the_beginning), SCENARIO(interrupted_accepting),
	SCENARIO(interrupted_sending), SCENARIO(options), SCENARIO(shut_for_reading), SCENARIO(shut_for_writing),
	SCENARIO(shut_for_both), SCENARIO(shut_in_other_ways), SCENARIO(waking_by_shutdown),
	SCENARIO(waking_by_shutdown_at_the_beginning), SCENARIO(signals_of_pipes), SCENARIO(after_a_reset),
	SCENARIO(lingering), SCENARIO(what_poll_says_at_the_end), SCENARIO(epoll_by_descriptor),
	SCENARIO(epoll_by_pointer), SCENARIO(epoll_twice),
	SCENARIO(edges_after_counting), SCENARIO(copies), SCENARIO(a_copy_over_another),
	SCENARIO(two_threads_read), SCENARIO(a_child_that_closes), SCENARIO(a_reader_that_is_killed),
	SCENARIO(streams), SCENARIO(files),
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

int main(int count, char **arguments)
{
	make_stream();
	port = (uint16_t)(count > 1 ? atoi(arguments[1]) : 0);
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
		bool wanted = count <= 2;
		for (int j = 2; j < count; j++)
			wanted |= strcmp(arguments[j], scenarios[i].name) == 0;
		if (wanted)
			run(&scenarios[i]);
	}
	return 0;
}
