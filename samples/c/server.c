/* greeter: answers each line of a guest with its marble type, its UUID and the line. Other marbles are refused.
 * Usage: server PORT */
#include <arpa/inet.h>
#include <marblerun/marble.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int give_up(const char *what, const char *reason)
{
	fprintf(stderr, "server: %s: %s\n", what, reason);
	return 1;
}

static int listen_on(const char *port)
{
	int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((unsigned short)strtoul(port, NULL, 10)),
				  .sin_addr.s_addr = htonl(INADDR_ANY) };
	socklen_t size = sizeof at;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 16) != 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &size) != 0)
		return -1;
	printf("listening on port %u\n", ntohs(at.sin_port));
	return listener;
}

static void serve(SSL *tls)
{
	char reason[MARBLERUN_REASON_SIZE], line[1024], answer[8192];
	struct marblerun_peer peer;
	if (SSL_accept(tls) != 1) {
		if (!marblerun_connection_refusal(tls, reason))
			snprintf(reason, sizeof reason, "%s", "no mutual TLS");
		printf("refused: %s\n", reason);
		return;
	}
	if (marblerun_connection_peer(tls, &peer, reason) != 0) {
		printf("refused: %s\n", reason);
		return;
	}
	int size = SSL_read(tls, line, sizeof line - 1);
	line[size > 0 ? size : 0] = 0;
	line[strcspn(line, "\n")] = 0;
	size = snprintf(answer, sizeof answer, "hello %s %s: %s\n", peer.type, peer.uuid, line);
	if (SSL_write(tls, answer, size) == size)
		printf("greeted %s %s\n", peer.type, peer.uuid);
	SSL_shutdown(tls);
}

int main(int count, char **arguments)
{
	static const char *const guests[] = { "guest" };
	const struct marblerun_tls_options options = { .peer_types = guests, .peer_type_count = 1 };
	const struct timeval patience = { .tv_sec = 10 };
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_marble *marble;
	SSL_CTX *context;
	if (count != 2)
		return give_up("usage", "server PORT");
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (marblerun_marble_open(&marble, reason) != 0)
		return give_up("marble", reason);
	marblerun_environment_forget("MARBLE_PREDEFINED_PRIVATE_KEY");
	if (marblerun_tls_server(marble, &options, &context, reason) != 0)
		return give_up("TLS", reason);
	int listener = listen_on(arguments[1]);
	if (listener < 0)
		return give_up("listening on port", arguments[1]);
	for (;;) {
		int connection = accept(listener, NULL, NULL);
		if (connection < 0)
			continue;
		setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		SSL *tls = SSL_new(context);
		if (tls && SSL_set_fd(tls, connection) == 1)
			serve(tls);
		SSL_free(tls);
		ERR_clear_error();
		close(connection);
	}
}
