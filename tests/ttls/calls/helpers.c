#include "calls.h"

uint16_t port;
char text[256], large[1 << 16];

void say(const char *call, long result)
{
	printf("\t%s = %ld %s\n", call, result, result < 0 ? strerrorname_np(errno) : "");
	fflush(stdout);
}

struct sockaddr_in here(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

int start_connecting(int fd)
{
	struct sockaddr_in address = here();
	return connect(fd, (struct sockaddr *)&address, sizeof address);
}

int listener(int flags)
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

int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof value;
	return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

void make_pair(int *client, int *server, bool met)
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

short polled(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	return poll(&p, 1, 5000) > 0 ? p.revents : 0;
}

void sleep_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

int set_time(int fd, int name, int ms)
{
	struct timeval value = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	return setsockopt(fd, SOL_SOCKET, name, &value, sizeof value);
}

int set_linger(int fd, int on, int seconds)
{
	struct linger value = { on, seconds };
	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

static void *act_later(void *context)
{
	struct later *l = context;
	sleep_ms(l->after_ms);
	l->act(l->fd);
	return NULL;
}

void later(struct later *l, void (*act)(int fd), int fd, int after_ms)
{
	*l = (struct later){ .fd = fd, .after_ms = after_ms, .act = act };
	pthread_create(&l->thread, NULL, act_later, l);
}

void act_send(int fd)
{
	(void)!send(fd, "later", 5, 0);
}

void act_shutdown(int fd)
{
	shutdown(fd, SHUT_RDWR);
}

void act_nothing(int fd)
{
	(void)fd;
}

void act_drain(int fd)
{
	static char sink[1 << 16];
	while (recv(fd, sink, sizeof sink, 0) > 0)
		;
}

uint8_t stream[LARGE];

void make_stream(void)
{
	for (size_t i = 0; i < sizeof stream; i++)
		stream[i] = (uint8_t)(i * 2654435761U >> 13);
}

long take_stream(int fd, long from, long size)
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

void go_on(int sender, int receiver, long sent)
{
	struct later then;
	sent_so_far = sent;
	set_time(sender, SO_SNDTIMEO, 0);
	later(&then, act_send_on, sender, 0);
	say("what comes of it and 1000 more", take_stream(receiver, 0, sent + 1000) - sent);
	pthread_join(then.thread, NULL);
}

atomic_int signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

void handle(int number, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
	sigaction(number, &action, NULL);
	signals = 0;
}

void alarm_after(int ms, int again_ms)
{
	struct itimerval timer = { .it_value.tv_usec = ms * 1000, .it_interval.tv_usec = again_ms * 1000 };
	setitimer(ITIMER_REAL, &timer, NULL);
}
