#include "manifest/check.h"

#include <arpa/inet.h>

#include "manifest/credentials.h"
#include "manifest/package.h"

/* Entries in an order of their own, to find those that must not be equal. */
struct order {
	const void **items;
	size_t count;
};

static void order_free(struct order *o)
{
	free(o->items);
}
DEFINE_CLEANUP_IN_PLACE(order_free, struct order)

static error *order_by(const void *entries, size_t count, size_t size,
		       int (*compare)(const void *, const void *), struct order *ret)
{
	const void **items = calloc(count + 1, sizeof *items);
	TRY_ALLOC(items);
	for (size_t i = 0; i < count; i++)
		items[i] = (const uint8_t *)entries + i * size;
	qsort(items, count, sizeof *items, compare);
	*ret = (struct order){ items, count };
	return NULL;
}

/* ---- Marbles ---- */

static error *check_variables(const struct marble *marble, const struct place *marble_at)
{
	struct place at = { marble_at, "Env", 0 };
	for (size_t i = 0; i < marble->environment_count; i++) {
		const struct parameter *p = &marble->environment[i];
		struct place here = { &at, p->name, 0 };
		if (p->data.size && memchr(p->data.data, 0, p->data.size))
			return refuse(&here, "a value without NUL expected");
	}
	return NULL;
}

static bool same_list(const struct string_list *a, const struct string_list *b)
{
	if (a->count != b->count || !a->items != !b->items)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

/* Of two entries for one place the later tag's is the one that counts: where they differ in whom they let in, the
 * stricter one must not be lost. */
static error *check_entries_agree(const struct tls_entry *a, const struct tls_entry *b, const struct place *at)
{
	if (strcmp(a->port, b->port) != 0 || strcmp(a->address, b->address) != 0 ||
	    (same_list(&a->allowed_marbles, &b->allowed_marbles) &&
	     same_list(&a->expected_marbles, &b->expected_marbles)))
		return NULL;
	return refuse(at, "port %s is given twice, with different AllowedMarbles or ExpectedMarbles",
		      shown(a->port).text);
}

static error *check_tags_agree(const struct tls_tag *a, const struct tls_tag *b, const struct place *at)
{
	for (size_t i = 0; i < a->incoming_count; i++)
		for (size_t k = 0; k < b->incoming_count; k++)
			TRY(check_entries_agree(&a->incoming[i], &b->incoming[k], at));
	for (size_t i = 0; i < a->outgoing_count; i++)
		for (size_t k = 0; k < b->outgoing_count; k++)
			TRY(check_entries_agree(&a->outgoing[i], &b->outgoing[k], at));
	return NULL;
}

static error *check_tags(const struct manifest *m, const struct marble *marble, const struct place *at)
{
	for (size_t i = 0; i < marble->tls.count; i++)
		if (!manifest_tls(m, marble->tls.items[i]))
			return refuse(at, "\"%s\" is not defined in TLS", shown(marble->tls.items[i]).text);
	for (size_t i = 0; i < marble->tls.count; i++) {
		const struct tls_tag *tag = manifest_tls(m, marble->tls.items[i]);
		for (size_t k = 0; tls_tag_names_peers(tag) && k < marble->tls.count; k++)
			if (k != i)
				TRY(check_tags_agree(tag, manifest_tls(m, marble->tls.items[k]), at));
	}
	return NULL;
}

static error *check_resolvable_names(const struct marble *marble, const struct place *at)
{
	struct place names = { at, "ResolvableNames", 0 };
	if (marble->resolvable_names.items && !marble->deny_unlisted)
		return refuse(at, "ResolvableNames without DenyUnlisted: all names can be looked up then");
	for (size_t i = 0; i < marble->resolvable_names.count; i++) {
		const char *name = marble->resolvable_names.items[i];
		const char *rest = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
		if (!*rest || strpbrk(rest, "* \t\r\n/:"))
			return refuse(&names, "\"%s\": a host name, or \"*.\" and the end of one, expected",
				      shown(name).text);
	}
	return NULL;
}

static error *check_marble(const struct manifest *m, const struct marble *marble)
{
	struct place section = { NULL, "Marbles", 0 }, at = { &section, marble->name, 0 };
	struct place tls = { &at, "TLS", 0 };
	if (!*marble->package)
		return refuse(&at, "Package is missing");
	if (!manifest_package(m, marble->package))
		return refuse(&at, "Package: \"%s\" is not defined in Packages",
			      shown(marble->package).text);
	TRY(check_tags(m, marble, &tls));
	TRY(check_resolvable_names(marble, &at));
	return check_variables(marble, &at);
}

/* ---- TLS ---- */

/* The port's number; 0 when the text is none. */
static unsigned port_number(const char *text)
{
	size_t length = strlen(text);
	if (length == 0 || length > 5 || strspn(text, "0123456789") != length || text[0] == '0')
		return 0;
	unsigned long number = strtoul(text, NULL, 10);
	return number <= UINT16_MAX ? (unsigned)number : 0;
}

static error *check_port(const struct tls_entry *entry, const struct place *at)
{
	if (!*entry->port)
		return refuse(at, "Port is missing");
	if (!port_number(entry->port))
		return refuse(at, "Port: \"%s\": a text with a number from 1 to 65535 expected",
			      shown(entry->port).text);
	return NULL;
}

/* Who may be at the other end. */
static error *check_peers(const struct manifest *m, const struct string_list *peers, const char *name,
			  const struct place *at)
{
	struct place here = { at, name, 0 };
	if (!peers->items)
		return NULL;
	if (!peers->count)
		return refuse(&here, "the list is empty: nobody could connect");
	for (size_t i = 0; i < peers->count; i++) {
		if (!manifest_marble(m, peers->items[i]))
			return refuse(&here, "\"%s\" is not defined in Marbles", shown(peers->items[i]).text);
		for (size_t k = 0; k < i; k++)
			if (strcmp(peers->items[i], peers->items[k]) == 0)
				return refuse(&here, "\"%s\" is given twice", shown(peers->items[i]).text);
	}
	return NULL;
}

/* "example:443" or "https://example" would be no connection's address: it would go on in the clear. */
static bool is_name_or_address(const char *text)
{
	struct in6_addr address;
	char bare[INET6_ADDRSTRLEN];
	size_t size = strlen(text);
	if (strpbrk(text, " \t\r\n/"))
		return false;
	if (!strpbrk(text, ":[]"))
		return true;
	if (*text == '[' && text[size - 1] == ']')
		text++, size -= 2;
	if (size >= sizeof bare)
		return false;
	memcpy(bare, text, size);
	bare[size] = 0;
	return inet_pton(AF_INET6, bare, &address) == 1;
}

/* Public documentation, "TLS": "Outgoing connections are defined by Port and Addr." */
static error *check_outgoing(const struct manifest *m, const struct tls_entry *entry, const struct place *at)
{
	TRY(check_port(entry, at));
	if (!*entry->address)
		return refuse(at, "Addr is missing");
	if (!is_name_or_address(entry->address))
		return refuse(at, "Addr: \"%s\": a name or an IP address expected, and nothing with it",
			      shown(entry->address).text);
	if (entry->cert || entry->disable_client_auth)
		return refuse(at, "%s is for Incoming connections only",
			      entry->cert ? "Cert" : "DisableClientAuth");
	if (entry->allowed_marbles.items)
		return refuse(at, "AllowedMarbles is for Incoming connections only");
	return check_peers(m, &entry->expected_marbles, "ExpectedMarbles", at);
}

/* "Incoming connections are defined by Port. For services used by external clients, you must disable
 * client authentication […] and set Cert." */
static error *check_incoming(const struct manifest *m, const struct tls_entry *entry,
			     const struct place *at)
{
	TRY(check_port(entry, at));
	if (*entry->address && strcmp(entry->address, "*") != 0)
		return refuse(at, "Addr is for Outgoing connections only");
	if (entry->expected_marbles.items)
		return refuse(at, "ExpectedMarbles is for Outgoing connections only");
	if (entry->allowed_marbles.items && entry->disable_client_auth)
		return refuse(at, "AllowedMarbles with DisableClientAuth: clients without a certificate have no type");
	TRY(check_peers(m, &entry->allowed_marbles, "AllowedMarbles", at));
	if (!entry->cert)
		return entry->disable_client_auth ?
			       refuse(at, "Cert is missing: DisableClientAuth is true") : NULL;
	if (!entry->disable_client_auth)
		return refuse(at, "DisableClientAuth must be true: Cert is given");
	const struct secret_definition *secret = manifest_secret(m, entry->cert);
	if (!secret)
		return refuse(at, "Cert: \"%s\" is not defined in Secrets", shown(entry->cert).text);
	if (secret->type == SECRET_PLAIN || secret->type == SECRET_SYMMETRIC_KEY)
		return refuse(at, "Cert: \"%s\" is a secret of type %s, a certificate expected",
			      shown(entry->cert).text, secret_type_name(secret->type));
	return NULL;
}

static int compare_ports(const void *a, const void *b)
{
	const struct tls_entry *const *x = a, *const *y = b;
	return (int)port_number((*x)->port) - (int)port_number((*y)->port);
}

static bool same_settings(const struct tls_entry *a, const struct tls_entry *b)
{
	return a->disable_client_auth == b->disable_client_auth &&
	       bytes_equal(bytes_of_string(a->cert), bytes_of_string(b->cert)) &&
	       same_list(&a->allowed_marbles, &b->allowed_marbles);
}

/* One of two settings for a port would be lost, and it may be the one that asks for certificates. */
static error *check_ports_differ(const struct tls_tag *tag, const struct place *at)
{
	CLEANUP(order_free) struct order o = { 0 };
	TRY(order_by(tag->incoming, tag->incoming_count, sizeof *tag->incoming, compare_ports, &o));
	for (size_t i = 1; i < o.count; i++) {
		const struct tls_entry *before = o.items[i - 1], *entry = o.items[i];
		if (port_number(before->port) == port_number(entry->port) && !same_settings(before, entry))
			return refuse(at, "Port %s is given twice, with different settings", entry->port);
	}
	return NULL;
}

static error *check_tls(const struct manifest *m, const struct tls_tag *tag)
{
	struct place section = { NULL, "TLS", 0 }, at = { &section, tag->name, 0 };
	struct place outgoing = { &at, "Outgoing", 0 }, incoming = { &at, "Incoming", 0 };
	for (size_t i = 0; i < tag->outgoing_count; i++) {
		struct place here = { &outgoing, NULL, i + 1 };
		TRY(check_outgoing(m, &tag->outgoing[i], &here));
	}
	for (size_t i = 0; i < tag->incoming_count; i++) {
		struct place here = { &incoming, NULL, i + 1 };
		TRY(check_incoming(m, &tag->incoming[i], &here));
	}
	for (size_t i = 1; tls_tag_names_peers(tag) && i < tag->outgoing_count; i++)
		for (size_t k = 0; k < i; k++)
			TRY(check_entries_agree(&tag->outgoing[i], &tag->outgoing[k], &outgoing));
	return check_ports_differ(tag, &incoming);
}

/* ---- Secrets ---- */

/* Limits of ours: a symmetric key that no cipher has a use for, a time beyond X.509's last year, and
 * RSA keys that are weak or take minutes to make. */
enum { SYMMETRIC_BITS_MAX = 8192, VALID_DAYS_MAX = 365 * 1000, RSA_BITS_MIN = 2048,
       RSA_BITS_MAX = 8192 };

/* What a size must be, in words; NULL: it is. */
static const char *wrong_size(const struct secret_definition *s)
{
	/* Whoever uploads a certificate decides about its key. */
	bool not_needed = s->user_defined && s->size == 0;
	switch (s->type) {
	case SECRET_PLAIN:
		return NULL;
	case SECRET_SYMMETRIC_KEY:
		return s->size && s->size % 8 == 0 && s->size <= SYMMETRIC_BITS_MAX ?
			       NULL : "a multiple of 8 from 8 to 8192";
	case SECRET_CERT_RSA:
		return not_needed || (s->size >= RSA_BITS_MIN && s->size <= RSA_BITS_MAX) ?
			       NULL : "2048 to 8192";
	case SECRET_CERT_ECDSA:
		return not_needed || s->size == 224 || s->size == 256 || s->size == 384 ||
				       s->size == 521 ? NULL : "224, 256, 384 or 521";
	case SECRET_CERT_ED25519:
		return s->size == 0 ? NULL : "none";
	}
	return "another type";
}

static error *check_certificate_properties(const struct secret_definition *s, const struct place *at)
{
	bool certificate = s->type != SECRET_PLAIN && s->type != SECRET_SYMMETRIC_KEY;
	if (!certificate && s->valid_for)
		return refuse(at, "ValidFor is for certificates only");
	if (!certificate && json_object_size(s->cert))
		return refuse(at, "Cert is for certificates only");
	if (s->valid_for && s->has_not_after)
		return refuse(at, "either ValidFor or NotAfter in Cert expected, both found");
	if (s->valid_for > VALID_DAYS_MAX)
		return refuse(at, "ValidFor: %llu days, at most %d expected",
			      (unsigned long long)s->valid_for, VALID_DAYS_MAX);
	return NULL;
}

static error *check_secret(const struct secret_definition *s)
{
	struct place section = { NULL, "Secrets", 0 }, at = { &section, s->name, 0 };
	const char *expected_size = wrong_size(s);
	if (s->type == SECRET_PLAIN && !s->user_defined)
		return refuse(&at, "UserDefined must be true: nobody but a user can give a secret of type "
			      "plain its value");
	if (expected_size)
		return refuse(&at, "Size: %llu bits, %s expected for %s", (unsigned long long)s->size,
			      expected_size, secret_type_name(s->type));
	return check_certificate_properties(s, &at);
}

/* ---- Users and Roles ---- */

static error *check_user(const struct manifest *m, const struct user *user)
{
	struct place section = { NULL, "Users", 0 }, at = { &section, user->name, 0 };
	for (size_t i = 0; i < user->roles.count; i++)
		if (!manifest_role(m, user->roles.items[i]))
			return refuse(&at, "Roles: \"%s\" is not defined in Roles",
				      shown(user->roles.items[i]).text);
	return NULL;
}

static int compare_certificates(const void *a, const void *b)
{
	const struct user *const *x = a, *const *y = b;
	return bytes_compare(blob_view(&(*x)->certificate), blob_view(&(*y)->certificate));
}

static error *check_certificates_differ(const struct manifest *m)
{
	CLEANUP(order_free) struct order o = { 0 };
	struct place section = { NULL, "Users", 0 };
	TRY(order_by(m->users, m->user_count, sizeof *m->users, compare_certificates, &o));
	for (size_t i = 1; i < o.count; i++)
		if (compare_certificates(&o.items[i - 1], &o.items[i]) == 0)
			return refuse(&section, "\"%s\" and \"%s\" have the same certificate",
				      shown(((const struct user *)o.items[i - 1])->name).text,
				      shown(((const struct user *)o.items[i])->name).text);
	return NULL;
}

static error *check_secret_resource(const struct manifest *m, const struct role *role, const char *name,
				    const struct place *at)
{
	const struct secret_definition *secret = manifest_secret(m, name);
	if (!secret)
		return refuse(at, "\"%s\" is not defined in Secrets", shown(name).text);
	if (role->actions & ACTION_WRITE_SECRET && !secret->user_defined)
		return refuse(at, "\"%s\" is not user-defined, so there can be no WriteSecret for it",
			      shown(name).text);
	if (role->actions & ACTION_READ_SECRET && !secret->shared && !secret->user_defined)
		return refuse(at, "\"%s\" is different for each marble, so there can be no ReadSecret for it",
			      shown(name).text);
	return NULL;
}

static error *check_resource(const struct manifest *m, const struct role *role, const char *name,
			     const struct place *at)
{
	switch (role->resource_type) {
	case RESOURCE_PACKAGES:
		return manifest_package(m, name) ?
			       NULL : refuse(at, "\"%s\" is not defined in Packages", shown(name).text);
	case RESOURCE_SECRETS:
		return check_secret_resource(m, role, name, at);
	case RESOURCE_MANIFEST:
		return refuse(at, "none expected for ResourceType Manifest");
	}
	return NULL;
}

static error *check_role(const struct manifest *m, const struct role *role)
{
	static const struct {
		unsigned actions;
		const char *words;
	} fitting[] = {
		[RESOURCE_PACKAGES] = { ACTION_UPDATE_SECURITY_VERSION,
					"UpdateSecurityVersion expected for ResourceType Packages" },
		[RESOURCE_SECRETS] = { ACTION_READ_SECRET | ACTION_WRITE_SECRET,
				       "ReadSecret or WriteSecret expected for ResourceType Secrets" },
		[RESOURCE_MANIFEST] = { ACTION_UPDATE_MANIFEST,
					"UpdateManifest expected for ResourceType Manifest" },
	};
	struct place section = { NULL, "Roles", 0 }, at = { &section, role->name, 0 };
	struct place names = { &at, "ResourceNames", 0 };
	if (role->actions & ~fitting[role->resource_type].actions)
		return refuse(&at, "Actions: %s", fitting[role->resource_type].words);
	for (size_t i = 0; i < role->resource_names.count; i++)
		TRY(check_resource(m, role, role->resource_names.items[i], &names));
	return NULL;
}

/* ---- RecoveryKeys and Config ---- */

/* Shamir's shares over GF(2^8) have 255 different x. */
enum { RECOVERY_KEYS_MAX = 255 };

static error *check_recovery_keys(const struct manifest *m)
{
	struct place section = { NULL, "RecoveryKeys", 0 };
	if (m->recovery_key_count > RECOVERY_KEYS_MAX)
		return refuse(&section, "%zu keys, at most %d expected", m->recovery_key_count,
			      RECOVERY_KEYS_MAX);
	for (size_t i = 0; i < m->recovery_key_count; i++) {
		struct place at = { &section, m->recovery_keys[i].name, 0 };
		TRY(recovery_key_check(m->recovery_keys[i].public_key_pem, &at));
	}
	return NULL;
}

static bool may_update_manifest(const struct manifest *m, const struct user *user)
{
	for (size_t i = 0; i < user->roles.count; i++)
		if (manifest_role(m, user->roles.items[i])->actions & ACTION_UPDATE_MANIFEST)
			return true;
	return false;
}

static error *check_config(const struct manifest *m)
{
	struct place at = { NULL, "Config", 0 };
	const struct manifest_config *c = &m->config;
	uint64_t updaters = 0;
	for (size_t i = 0; i < m->user_count; i++)
		updaters += may_update_manifest(m, &m->users[i]);
	if (c->update_threshold > updaters)
		return refuse(&at, "UpdateThreshold: %llu, at most %llu expected: so many users have a role "
			      "with UpdateManifest", (unsigned long long)c->update_threshold,
			      (unsigned long long)updaters);
	if (c->recovery_threshold == 1)
		return refuse(&at, "RecoveryThreshold: 1, 0 or at least 2 expected");
	if (c->recovery_threshold > m->recovery_key_count)
		return refuse(&at, "RecoveryThreshold: %llu, at most %zu expected: so many RecoveryKeys are "
			      "defined", (unsigned long long)c->recovery_threshold, m->recovery_key_count);
	if (c->features & FEATURE_AZURE_HSM_SEALING)
		return refuse_unsupported(&at, "FeatureGates: AzureHSMSealing is not supported yet");
	return NULL;
}

/* ---- the whole ---- */

static error *check_packages(const struct manifest *m)
{
	struct place section = { NULL, "Packages", 0 };
	if (!m->package_count)
		return refuse(&section, "at least one package expected");
	for (size_t i = 0; i < m->package_count; i++) {
		struct place at = { &section, m->packages[i].name, 0 };
		TRY(package_check(&m->packages[i], &at));
	}
	return NULL;
}

error *manifest_check(const struct manifest *m)
{
	struct place marbles = { NULL, "Marbles", 0 };
	TRY(check_packages(m));
	if (!m->marble_count)
		return refuse(&marbles, "at least one marble expected");
	for (size_t i = 0; i < m->marble_count; i++)
		TRY(check_marble(m, &m->marbles[i]));
	for (size_t i = 0; i < m->tls_count; i++)
		TRY(check_tls(m, &m->tls[i]));
	for (size_t i = 0; i < m->secret_count; i++)
		TRY(check_secret(&m->secrets[i]));
	for (size_t i = 0; i < m->user_count; i++)
		TRY(check_user(m, &m->users[i]));
	TRY(check_certificates_differ(m));
	for (size_t i = 0; i < m->role_count; i++)
		TRY(check_role(m, &m->roles[i]));
	TRY(check_recovery_keys(m));
	return check_config(m);
}
