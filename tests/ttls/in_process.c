#include "in_process.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "pki/ca.h"
#include "ttls/rules.h"
#include "ttls/system.h"

static struct ca mesh, other;
static EVP_PKEY *keys[CREDENTIAL_COUNT];
static X509 *certificates[CREDENTIAL_COUNT];
static struct plane_rule rules[RULES_OF_TEST];

static void must(error *e)
{
	if (!e)
		return;
	fprintf(stderr, "%s\n", error_message(e));
	abort();
}

static void issue(enum credential which, const struct ca *by, const char *type, const char *names)
{
	static const char uuid[] = "00000000-0000-0000-0000-000000000001";
	CLEANUP(san_free) struct san_list list = { 0 };
	CLEANUP(blob_free) struct blob der = { 0 };
	must(san_add_list(&list, names));
	must(key_generate(KEY_P256, 0, &keys[which]));
	must(ca_issue_marble(by, keys[which], uuid, type, &list, time(NULL), &der));
	must(certificate_of_der(blob_view(&der), &certificates[which]));
}

void in_process_limit(X509 *certificate, long seconds)
{
	X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
	if (X509_sign(certificate, mesh.intermediate_key, EVP_sha256()) <= 0)
		abort();
}

static void make_mesh(void)
{
	const struct san_list nothing = { 0 };
	const int64_t now = time(NULL);
	must(ca_create(&nothing, KEY_P256, now, &mesh));
	must(ca_create(&nothing, KEY_P256, now, &other));
	issue(CREDENTIAL_CLIENT, &mesh, "client", "127.0.0.1,localhost");
	issue(CREDENTIAL_SERVER, &mesh, "server", "127.0.0.1,localhost");
	issue(CREDENTIAL_STRANGER, &other, "server", "127.0.0.1,localhost");
	issue(CREDENTIAL_EXPIRED, &mesh, "server", "127.0.0.1,localhost");
	issue(CREDENTIAL_NAMELESS, &mesh, "server", "elsewhere.example");
	in_process_limit(certificates[CREDENTIAL_EXPIRED], -60);
}

static char *pem_of(X509 *certificate)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	must(certificate_write_pem(&w, certificate));
	return strndup((const char *)writer_view(&w).data, writer_view(&w).size);
}

static char *pem_of_key(EVP_PKEY *key)
{
	char *text;
	BIO *memory = BIO_new(BIO_s_mem());
	if (PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) != 1)
		abort();
	long size = BIO_get_mem_data(memory, &text);
	char *copy = strndup(text, (size_t)size);
	BIO_free(memory);
	return copy;
}

static void make_rules(uint16_t port)
{
	static char *client = (char *)(uintptr_t) "client", *server = (char *)(uintptr_t) "server";
	for (int i = 0; i < RULES_OF_TEST; i++) {
		bool outgoing = i >= RULE_OUTGOING;
		bool typed = i == RULE_INCOMING_TYPED || i == RULE_INCOMING_REFUSING ||
			     i == RULE_OUTGOING_TYPED;
		enum credential own = outgoing ? CREDENTIAL_CLIENT : CREDENTIAL_SERVER;
		rules[i] = (struct plane_rule){
			.outgoing = outgoing,
			.address = !outgoing                ? NULL :
				   i == RULE_OUTGOING_NAMED ? strdup("named.example") :
							      strdup("127.0.0.1"),
			.port = i == RULE_OUTGOING ? port : (uint16_t)(i + 1),
			.ca = pem_of(mesh.marble_root),
			.chain = pem_of(certificates[own]),
			.key = pem_of_key(keys[own]),
			.client_auth = i != RULE_INCOMING_OPEN,
			.peers_given = typed,
			.peers = i == RULE_INCOMING_TYPED ? &client : &server,
			.peer_count = typed,
		};
	}
	plane.policy = (struct plane_policy){ .rules = rules, .rule_count = RULES_OF_TEST };
}

void in_process_start(int listener)
{
	struct sockaddr_in at = { 0 };
	socklen_t size = sizeof at;
	system_find();
	make_mesh();
	getsockname(listener, (struct sockaddr *)&at, &size);
	make_rules(ntohs(at.sin_port));
	plane.process = getpid();
	plane.region = shared_region_map(shared_region_new());
	if (!plane.region || !rules_prepare())
		abort();
	plane.mode = PLANE_ON;
}

struct plane_rule *in_process_rule(enum rule_of_test rule)
{
	return &plane.policy.rules[rule];
}

SSL_CTX *in_process_peer(enum credential which)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	if (which != CREDENTIAL_NONE && (SSL_CTX_use_certificate(context, certificates[which]) != 1 ||
					 SSL_CTX_use_PrivateKey(context, keys[which]) != 1))
		abort();
	X509_STORE_add_cert(SSL_CTX_get_cert_store(context), mesh.marble_root);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return context;
}

int in_process_listener(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&any, sizeof any) != 0 || listen(listener, 64) != 0)
		abort();
	return listener;
}

void in_process_no_waiting(int fd)
{
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
		abort();
}

void in_process_connect(int listener, int *ret_connecting, int *ret_accepted)
{
	struct sockaddr_in at;
	socklen_t size = sizeof at;
	int on = 1;
	getsockname(listener, (struct sockaddr *)&at, &size);
	*ret_connecting = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (connect(*ret_connecting, (struct sockaddr *)&at, sizeof at) != 0 && errno != EINPROGRESS)
		abort();
	*ret_accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (*ret_accepted < 0)
		abort();
	setsockopt(*ret_connecting, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(*ret_accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

ssize_t in_process_put(int fd, const void *data, size_t size)
{
	struct iovec part = { (void *)(uintptr_t)data, size };
	struct segments from = segments_of(&part, 1);
	struct connection *c = connection_of(fd);
	ssize_t sent = c ? connection_send(c, fd, &from, MSG_NOSIGNAL) : -1;
	if (c)
		connection_put(c);
	return sent;
}

ssize_t in_process_get(int fd, void *data, size_t size, int flags)
{
	struct iovec part = { data, size };
	struct segments to = segments_of(&part, 1);
	struct connection *c = connection_of(fd);
	ssize_t got = c ? connection_receive(c, fd, &to, flags) : -1;
	if (c)
		connection_put(c);
	return got;
}
