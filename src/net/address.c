#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static error *refuse(const char *text)
{
	return error_new(ERROR_INVALID, "\"%s\" is no address: host:port, :port or [v6]:port is expected",
			 text);
}

error *address_split(const char *text, char host[256], char port[8])
{
	const char *colon = strrchr(text, ':'), *first = text, *last = colon;
	if (!colon || !colon[1])
		return refuse(text);
	if (*text == '[') {
		if (colon == text || colon[-1] != ']')
			return refuse(text);
		first = text + 1;
		last = colon - 1;
	} else if (memchr(text, ':', (size_t)(colon - text))) {
		return refuse(text); /* an IPv6 address needs its brackets */
	}
	char *end;
	unsigned long number = strtoul(colon + 1, &end, 10);
	if (*end || number > 65535 || colon[1] < '0' || colon[1] > '9' || last - first > 255)
		return refuse(text);
	snprintf(host, 256, "%.*s", (int)(last - first), first);
	snprintf(port, 8, "%lu", number);
	return NULL;
}

int address_look_up(const char *host, const char *port, const struct addrinfo *hints,
		    struct addrinfo **ret)
{
	int failed = getaddrinfo(host, port, hints, ret);
	if (failed && host && strcmp(host, "localhost") == 0)
		failed = getaddrinfo("127.0.0.1", port, hints, ret);
	return failed;
}

void address_print(const struct sockaddr *address, char *to, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "";
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof in);
		inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
		snprintf(to, size, "%s:%u", host, ntohs(in.sin_port));
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, address, sizeof in);
		inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof host);
		snprintf(to, size, "[%s]:%u", host, ntohs(in.sin6_port));
	} else {
		snprintf(to, size, "unknown");
	}
}
