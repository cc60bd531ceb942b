#include "ttls/rules.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "ttls/plane.h"
#include "ttls/system.h"

enum { LEARNED_MAX = 64 };
static const uint64_t lookup_pause_ns = 30 * (uint64_t)1000000000;

/* IPv4 addresses as IPv6 ones (RFC 4291, 2.5.5.2), so that both spellings are the same. */
struct address {
	uint8_t bytes[16];
};

/* What is known of a rule's address. */
struct place {
	bool literal; /* an address, not a name */
	size_t count, next;
	struct address addresses[LEARNED_MAX];
	uint64_t looked_up; /* when, by us; 0: never */
};

static struct place *places; /* as many as rules */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, one_looks_up = PTHREAD_MUTEX_INITIALIZER;

/* The unspecified address means this host. */
static struct address address_of(int family, const void *from)
{
	static const uint8_t none[16];
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct address a = { { 0 } };
	if (family == AF_INET)
		memcpy(a.bytes, mapped, 12);
	if (family == AF_INET6)
		memcpy(a.bytes, from, 16);
	else
		memcpy(a.bytes + 12, from, 4);
	if (memcmp(a.bytes, none, 16) == 0)
		a.bytes[15] = 1;
	if (memcmp(a.bytes, mapped, 12) == 0 && memcmp(a.bytes + 12, none, 4) == 0)
		memcpy(a.bytes + 12, "\x7f\0\0\1", 4);
	return a;
}

static bool address_of_socket(const struct sockaddr *from, socklen_t size, struct address *ret)
{
	if (from->sa_family == AF_INET && size >= sizeof(struct sockaddr_in))
		*ret = address_of(AF_INET, &((const struct sockaddr_in *)(const void *)from)->sin_addr);
	else if (from->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6))
		*ret = address_of(AF_INET6, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr);
	else
		return false;
	return true;
}

uint16_t port_of(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
	if (address->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
	return 0;
}

bool rules_prepare(void)
{
	places = calloc(plane.policy.rule_count + 1, sizeof *places);
	for (size_t i = 0; places && i < plane.policy.rule_count; i++) {
		const char *text = plane.policy.rules[i].address;
		uint8_t raw[16];
		int family = !text				       ? 0 :
			     inet_pton(AF_INET, text, raw) == 1	       ? AF_INET :
			     inet_pton(AF_INET6, text, raw) == 1       ? AF_INET6 :
									 0;
		if (family)
			places[i] = (struct place){ .literal = true, .count = 1,
						    .addresses = { address_of(family, raw) } };
	}
	return places != NULL;
}

static bool same_name(const char *a, const char *b)
{
	size_t one = strlen(a), other = strlen(b);
	one -= one && a[one - 1] == '.';
	other -= other && b[other - 1] == '.';
	return one == other && strncasecmp(a, b, one) == 0;
}

static bool known(const struct place *p, const struct address *a)
{
	for (size_t i = 0; i < p->count; i++)
		if (memcmp(&p->addresses[i], a, sizeof *a) == 0)
			return true;
	return false;
}

void rules_learn(const char *name, int family, const void *address)
{
	struct address a = address_of(family, address);
	for (size_t i = 0; i < plane.policy.rule_count; i++) {
		const struct plane_rule *rule = &plane.policy.rules[i];
		if (!rule->outgoing || places[i].literal || !same_name(rule->address, name))
			continue;
		pthread_mutex_lock(&lock);
		if (!known(&places[i], &a)) {
			places[i].addresses[places[i].next] = a;
			places[i].next = (places[i].next + 1) % LEARNED_MAX;
			places[i].count += places[i].count < LEARNED_MAX;
		}
		pthread_mutex_unlock(&lock);
	}
}

void rules_learn_all(const char *name, const struct addrinfo *found)
{
	for (; found; found = found->ai_next)
		if (found->ai_family == AF_INET)
			rules_learn(name, AF_INET, &((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr);
		else if (found->ai_family == AF_INET6)
			rules_learn(name, AF_INET6, &((struct sockaddr_in6 *)(void *)found->ai_addr)->sin6_addr);
}

static bool is_known(const struct place *p)
{
	pthread_mutex_lock(&lock);
	bool known_already = p->count > 0;
	pthread_mutex_unlock(&lock);
	return known_already;
}

static bool look_up_alone(size_t index)
{
	struct place *p = &places[index];
	struct addrinfo *found = NULL, hints = { .ai_socktype = SOCK_STREAM };
	uint64_t now = now_ns();
	if (p->literal || is_known(p))
		return !p->literal; /* by now */
	if (p->looked_up && now - p->looked_up < lookup_pause_ns)
		return false;
	p->looked_up = now;
	if (sys->getaddrinfo(plane.policy.rules[index].address, NULL, &hints, &found) != 0)
		return false;
	rules_learn_all(plane.policy.rules[index].address, found);
	freeaddrinfo(found);
	return true;
}

/* A name that we have not seen the program look up: it may have done so in another way. Who comes meanwhile waits:
 * without the answer his connection would pass. */
static bool look_up(size_t index)
{
	pthread_mutex_lock(&one_looks_up);
	bool found = look_up_alone(index);
	pthread_mutex_unlock(&one_looks_up);
	return found;
}

void rules_in_child(void)
{
	lock = one_looks_up = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

/* Two rules for one address and port, by two names: whom to expect there can't be told. */
static size_t matches(const struct address *a, uint16_t port, struct plane_rule **ret)
{
	size_t count = 0;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < plane.policy.rule_count; i++) {
		struct plane_rule *rule = &plane.policy.rules[i];
		if (rule->outgoing && rule->port == port && known(&places[i], a)) {
			*ret = rule;
			count++;
		}
	}
	pthread_mutex_unlock(&lock);
	return count;
}

static bool is_listed_port(uint16_t port)
{
	for (size_t i = 0; i < plane.policy.rule_count; i++)
		if (plane.policy.rules[i].outgoing && plane.policy.rules[i].port == port)
			return true;
	return false;
}

enum verdict rules_outgoing(const struct sockaddr *to, socklen_t size, struct plane_rule **ret, enum refusal *ret_why)
{
	struct address a;
	uint16_t port = port_of(to);
	bool learned = false;
	enum verdict unlisted = plane.policy.deny_unlisted ? VERDICT_REFUSE : VERDICT_PASS;
	*ret_why = REFUSED_UNLISTED;
	if (!address_of_socket(to, size, &a))
		return VERDICT_PASS;
	if (!is_listed_port(port))
		return unlisted;
	size_t count = matches(&a, port, ret);
	for (size_t i = 0; !count && i < plane.policy.rule_count; i++)
		if (plane.policy.rules[i].outgoing && plane.policy.rules[i].port == port)
			learned |= look_up(i);
	if (learned)
		count = matches(&a, port, ret);
	if (count > 1)
		*ret_why = REFUSED_AMBIGUOUS;
	return count == 1 ? VERDICT_TLS : count ? VERDICT_REFUSE : unlisted;
}

enum verdict rules_incoming(uint16_t port, struct plane_rule **ret)
{
	for (size_t i = 0; i < plane.policy.rule_count; i++)
		if (!plane.policy.rules[i].outgoing && plane.policy.rules[i].port == port) {
			*ret = &plane.policy.rules[i];
			return VERDICT_TLS;
		}
	return plane.policy.deny_unlisted ? VERDICT_REFUSE : VERDICT_PASS;
}

static bool matches_pattern(const char *pattern, const char *name)
{
	size_t whole = strlen(name), end;
	if (strncmp(pattern, "*.", 2) != 0)
		return same_name(pattern, name);
	end = strlen(pattern + 1);
	whole -= whole && name[whole - 1] == '.';
	return whole > end && strncasecmp(name + whole - end, pattern + 1, end) == 0;
}

bool rules_resolvable(const char *name)
{
	uint8_t raw[16];
	if (!plane.policy.deny_unlisted || !name || same_name(name, "localhost") ||
	    inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1)
		return true;
	for (size_t i = 0; i < plane.policy.rule_count; i++)
		if (plane.policy.rules[i].outgoing && same_name(plane.policy.rules[i].address, name))
			return true;
	for (size_t i = 0; i < plane.policy.resolvable_count; i++)
		if (matches_pattern(plane.policy.resolvable[i], name))
			return true;
	return false;
}
