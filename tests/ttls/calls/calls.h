/* Scenarios of socket calls, by subject, and what they have in common. */
#pragma once
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

struct scenario {
	const char *name;
	void (*run)(void);
};
#define SCENARIO(name) { #name, name }

/* Each ends with one that has no name. */
extern const struct scenario connecting_scenarios[], messages_scenarios[], time_scenarios[], ends_scenarios[],
	epoll_scenarios[], descriptors_scenarios[], files_scenarios[];

enum { LARGE = 32 << 20 };
extern uint16_t port; /* on 127.0.0.1, where all of it takes place */
extern char text[256], large[1 << 16];
extern uint8_t stream[LARGE]; /* every byte of it is known */
void make_stream(void);

/* Prints what a call has returned, and its errno. */
#define SAY(call) say(#call, (errno = 0, (long)(call)))
void say(const char *call, long result);

int start_connecting(int fd);
int listener(int flags);
struct sockaddr_in here(void);
int option(int fd, int level, int name);
int set_option(int fd, int level, int name, int value);
int set_time(int fd, int name, int ms);
int set_linger(int fd, int on, int seconds);
/* Connected; `met`: a byte has gone each way. */
void make_pair(int *client, int *server, bool met);
/* What poll says within five seconds; a handshake may have to go on in between. */
short polled(int fd, short events);
void sleep_ms(int ms);

/* Something that a thread does after a while. */
struct later {
	int fd, after_ms;
	void (*act)(int fd);
	pthread_t thread;
};
void later(struct later *l, void (*act)(int fd), int fd, int after_ms);
void act_send(int fd);
void act_shutdown(int fd);
void act_nothing(int fd);
void act_drain(int fd);

/* How many bytes of the stream arrive, beginning with this one. */
long take_stream(int fd, long from, long size);
/* After a send that was cut short: the next bytes, and all arrive. */
void go_on(int sender, int receiver, long sent);

/* Signals are counted. */
extern atomic_int signals;
void handle(int number, int flags);
void alarm_after(int ms, int again_ms);
