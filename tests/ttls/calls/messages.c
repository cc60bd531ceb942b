/* What receives and sends, with its flags and limits. */
#include "calls.h"

static volatile int less_than_nothing = -1;

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

const struct scenario messages_scenarios[] = {
	SCENARIO(several_messages), SCENARIO(one_message), SCENARIO(flags_of_recv), SCENARIO(peeking_far),
	SCENARIO(nothing_at_all), SCENARIO(vectors), { 0 },
};
