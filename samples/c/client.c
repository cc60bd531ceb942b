/* guest: says a line to the greeter and prints the answer. The server must be a marble of type greeter and be
 * certified for HOST. Usage: client HOST PORT LINE */
#include <marblerun/marble.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int give_up(const char *what, const char *reason)
{
	fprintf(stderr, "client: %s: %s\n", what, reason);
	return 1;
}

static int connect_to(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int connection = -1;
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return -1;
	for (const struct addrinfo *a = found; a; a = a->ai_next) {
		connection = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
		if (connection >= 0 && connect(connection, a->ai_addr, a->ai_addrlen) == 0)
			break;
		if (connection >= 0)
			close(connection);
		connection = -1;
	}
	freeaddrinfo(found);
	return connection;
}

/* The server judges this client after its own handshake is over: a refusal shows when it is read from. */
static int talk(SSL *tls, const char *line)
{
	char reason[MARBLERUN_REASON_SIZE], answer[8192];
	struct marblerun_peer peer;
	if (SSL_connect(tls) != 1)
		return give_up("handshake", marblerun_connection_refusal(tls, reason) ? reason :
								       "the server refused or speaks no TLS");
	if (marblerun_connection_peer(tls, &peer, reason) != 0)
		return give_up("server", reason);
	int size = snprintf(answer, sizeof answer, "%.1000s\n", line);
	if (SSL_write(tls, answer, size) != size || (size = SSL_read(tls, answer, sizeof answer - 1)) <= 0)
		return give_up("greeter", "the server refused this client, or the connection broke");
	answer[size] = 0;
	printf("%s %s said: %s", peer.type, peer.uuid, answer);
	SSL_shutdown(tls);
	return 0;
}

int main(int count, char **arguments)
{
	static const char *const greeters[] = { "greeter" };
	const struct marblerun_tls_options options = { .peer_types = greeters, .peer_type_count = 1 };
	char reason[MARBLERUN_REASON_SIZE];
	marblerun_marble *marble;
	SSL_CTX *context;
	if (count != 4)
		return give_up("usage", "client HOST PORT LINE");
	signal(SIGPIPE, SIG_IGN);
	if (marblerun_marble_open(&marble, reason) != 0)
		return give_up("marble", reason);
	if (marblerun_tls_client(marble, &options, &context, reason) != 0)
		return give_up("TLS", reason);
	int status, connection = connect_to(arguments[1], arguments[2]);
	SSL *tls = SSL_new(context);
	if (connection < 0 || !tls || SSL_set_fd(tls, connection) != 1)
		status = give_up("no connection to", arguments[1]);
	else if (marblerun_connection_expect(tls, arguments[1], reason) != 0)
		status = give_up("name", reason);
	else
		status = talk(tls, arguments[3]);
	SSL_free(tls);
	SSL_CTX_free(context);
	marblerun_marble_free(marble);
	if (connection >= 0)
		close(connection);
	return status;
}
