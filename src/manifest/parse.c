#include "manifest/parse.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <strings.h>
#include <time.h>

#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/pem.h"
#include "manifest/decode.h"

/* Defines a decode function that puts one value into a member of the struct being filled. */
#define DECODE_STRING(function, type, member)                                                      \
	static error *function(json_t *v, const struct place *at, struct arena *a, void *to)       \
	{                                                                                          \
		return decode_string(v, at, a, &((struct type *)to)->member);                      \
	}
#define DECODE_STRINGS(function, type, member)                                                     \
	static error *function(json_t *v, const struct place *at, struct arena *a, void *to)       \
	{                                                                                          \
		return decode_strings(v, at, a, &((struct type *)to)->member);                     \
	}
#define DECODE_BOOL(function, type, member)                                                        \
	static error *function(json_t *v, const struct place *at, struct arena *a, void *to)       \
	{                                                                                          \
		(void)a;                                                                           \
		return decode_bool(v, at, &((struct type *)to)->member);                           \
	}
#define DECODE_UNSIGNED(function, type, member, most)                                              \
	static error *function(json_t *v, const struct place *at, struct arena *a, void *to)       \
	{                                                                                          \
		(void)a;                                                                           \
		return decode_unsigned(v, at, most, &((struct type *)to)->member);                 \
	}
#define DECODE_ENTRIES(function, type, member, count_member, entry, decode_entry)                  \
	static error *function(json_t *v, const struct place *at, struct arena *a, void *to)       \
	{                                                                                          \
		static const struct entry_kind kind = { sizeof(struct entry), decode_entry };      \
		struct type *t = to;                                                               \
		void *entries;                                                                     \
		TRY(decode_entries(v, at, &kind, a, &entries, &t->count_member));                  \
		t->member = entries;                                                               \
		return NULL;                                                                       \
	}

static error *ignore(json_t *v, const struct place *at, struct arena *a, void *to)
{
	(void)v, (void)at, (void)a, (void)to;
	return NULL;
}

/* Files and Env: a string, or {Data, Encoding, NoTemplates}. */
struct parameter_source {
	const char *encoding;
	bytes data;
	bool no_templates;
};

static error *source_data(json_t *v, const struct place *at, struct arena *a, void *to)
{
	(void)a;
	if (!json_is_string(v))
		return refuse(at, "string expected, %s found", json_type_name(v));
	((struct parameter_source *)to)->data = json_bytes(v);
	return NULL;
}
DECODE_STRING(source_encoding, parameter_source, encoding)
DECODE_BOOL(source_no_templates, parameter_source, no_templates)

static error *decode_data(const struct parameter_source *from, const struct place *at,
			  struct parameter *p, struct blob *ret)
{
	const char *encoding = from->encoding && *from->encoding ? from->encoding : "string";
	if (strcasecmp(encoding, "string") == 0) {
		p->encoding = PARAMETER_STRING;
		return blob_copy(from->data, ret);
	}
	if (strcasecmp(encoding, "base64") == 0) {
		p->encoding = PARAMETER_BASE64;
		return base64_decode(from->data, "Data", ret);
	}
	if (strcasecmp(encoding, "hex") == 0) {
		p->encoding = PARAMETER_HEX;
		return hex_decode(from->data, "Data", ret);
	}
	return refuse(at, "Encoding: \"%s\" is unknown; string, base64 or hex is expected", encoding);
}

static error *decode_parameter(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const struct property properties[] = {
		{ "Data", source_data }, { "Encoding", source_encoding }, { "NoTemplates", source_no_templates }
	};
	struct parameter *p = to;
	struct parameter_source source = { .data = json_bytes(v) };
	CLEANUP(blob_free) struct blob data = { 0 };
	if (!json_is_string(v))
		TRY(decode_object(v, at, properties, ARRAY_SIZE(properties), a, &source));
	error *e = decode_data(&source, at, p, &data);
	if (e && !strstr(error_message(e), at->name)) {
		error *where = refuse(at, "%s", error_message(e));
		error_free(e);
		return where;
	}
	TRY(e);
	char *copy = arena_string(a, blob_view(&data));
	TRY_ALLOC(copy);
	p->data = bytes_of(copy, data.size);
	p->no_templates = source.no_templates;
	return NULL;
}

DECODE_ENTRIES(marble_files, marble, files, file_count, parameter, decode_parameter)
DECODE_ENTRIES(marble_env, marble, environment, environment_count, parameter, decode_parameter)
DECODE_STRINGS(marble_argv, marble, arguments)

static error *marble_parameters(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const struct property properties[] = {
		{ "Files", marble_files }, { "Env", marble_env }, { "Argv", marble_argv }
	};
	return decode_object(v, at, properties, ARRAY_SIZE(properties), a, to);
}

DECODE_STRING(marble_package, marble, package)
DECODE_UNSIGNED(marble_max_activations, marble, max_activations, INT64_MAX)
DECODE_STRINGS(marble_tls, marble, tls)
DECODE_BOOL(marble_disable_binding, marble, disable_secret_binding)

static error *decode_marble(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const struct property properties[] = {
		{ "Package", marble_package },
		{ "MaxActivations", marble_max_activations },
		{ "Parameters", marble_parameters },
		{ "TLS", marble_tls },
		{ "DisableSecretBinding", marble_disable_binding },
	};
	((struct marble *)to)->package = "";
	return decode_object(v, at, properties, ARRAY_SIZE(properties), a, to);
}

static error *secret_type(json_t *v, const struct place *at, struct arena *a, void *to)
{
	const char *name;
	TRY(decode_string(v, at, a, &name));
	for (enum secret_type type = SECRET_PLAIN; type <= SECRET_CERT_ED25519; type++) {
		if (strcmp(name, secret_type_name(type)) == 0) {
			((struct secret_definition *)to)->type = type;
			return NULL;
		}
	}
	return refuse(at, "\"%s\" is unknown; symmetric-key, cert-rsa, cert-ecdsa, cert-ed25519 or plain is "
		      "expected", name);
}

/* NotAfter, RFC 3339; Go's zero time is "not given". */
static error *secret_not_after(json_t *cert, const struct place *at, struct arena *a,
			       struct secret_definition *s)
{
	const char *text;
	struct tm parts = { 0 };
	json_t *value = json_member(cert, "NotAfter");
	if (!value || json_is_null(value))
		return NULL;
	struct place here = { at, "NotAfter" };
	TRY(decode_string(value, &here, a, &text));
	if (strcmp(text, "0001-01-01T00:00:00Z") == 0)
		return NULL;
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	long zone = 0;
	if (rest && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (rest && (*rest == '+' || *rest == '-') && strlen(rest) == 6 && rest[3] == ':') {
		zone = (strtol(rest + 1, NULL, 10) * 60 + strtol(rest + 4, NULL, 10)) * 60;
		zone = *rest == '-' ? -zone : zone;
		rest = "Z";
	}
	if (!rest || strcmp(rest, "Z") != 0)
		return refuse(&here, "\"%s\" is no time; one like 2030-01-31T12:00:00Z is expected", text);
	s->has_not_after = true;
	s->not_after = timegm(&parts) - zone;
	return NULL;
}

static error *secret_cert(json_t *v, const struct place *at, struct arena *a, void *to)
{
	struct secret_definition *s = to;
	if (!json_is_object(v))
		return refuse(at, "object expected, %s found", json_type_name(v));
	s->cert = v;
	return secret_not_after(v, at, a, s);
}

DECODE_UNSIGNED(secret_size, secret_definition, size, UINT32_MAX)
DECODE_BOOL(secret_shared, secret_definition, shared)
DECODE_BOOL(secret_user_defined, secret_definition, user_defined)
DECODE_UNSIGNED(secret_valid_for, secret_definition, valid_for, 365000)

static error *decode_secret(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const struct property properties[] = {
		{ "Type", secret_type },
		{ "Size", secret_size },
		{ "Shared", secret_shared },
		{ "UserDefined", secret_user_defined },
		{ "ValidFor", secret_valid_for },
		{ "Cert", secret_cert },
		{ "Private", ignore }, /* values, which a manifest can't set */
		{ "Public", ignore },
	};
	json_t *type = json_is_object(v) ? json_member(v, "Type") : NULL;
	TRY(decode_object(v, at, properties, ARRAY_SIZE(properties), a, to));
	if (!type || json_is_null(type))
		return refuse(at, "Type is missing: symmetric-key, cert-rsa, cert-ecdsa, cert-ed25519 or plain "
			      "is expected");
	return NULL;
}

/* The first certificate of the text; what it certifies is of no interest, its bytes are the user. */
static error *user_certificate(json_t *v, const struct place *at, struct arena *a, void *to)
{
	struct user *user = to;
	struct pem_walk walk = { 0 };
	char label[64];
	bool found;
	CLEANUP(secret_free) struct secret der = { 0 };
	TRY(decode_string(v, at, a, &user->certificate_pem));
	walk.rest = bytes_of_string(user->certificate_pem);
	error *e = pem_next(&walk, "certificate", &found, label, &der);
	const unsigned char *start = der.data;
	X509 *certificate = !e && found && strcmp(label, "CERTIFICATE") == 0 ?
				    d2i_X509(NULL, &start, (long)der.size) : NULL;
	bool good = certificate && start == der.data + der.size;
	X509_free(certificate);
	ERR_clear_error();
	error_free(e);
	if (!good)
		return refuse(at, "a PEM-encoded X.509 certificate is expected");
	user->certificate = (struct blob){ (uint8_t *)arena_string(a, secret_view(&der)), der.size };
	TRY_ALLOC(user->certificate.data);
	return NULL;
}
DECODE_STRINGS(user_roles, user, roles)

static error *decode_user(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const struct property properties[] = { { "Certificate", user_certificate },
						      { "Roles", user_roles } };
	((struct user *)to)->certificate_pem = "";
	return decode_object(v, at, properties, ARRAY_SIZE(properties), a, to);
}

static error *role_resource_type(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const char *const names[] = { "Packages", "Secrets", "Manifest" };
	const char *name;
	TRY(decode_string(v, at, a, &name));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			((struct role *)to)->resource_type = (enum resource_type)i;
			return NULL;
		}
	}
	return refuse(at, "\"%s\" is unknown; Packages, Secrets or Manifest is expected", name);
}

static error *role_actions(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const char *const names[] = { "UpdateSecurityVersion", "ReadSecret", "WriteSecret",
					     "UpdateManifest" };
	struct string_list given;
	TRY(decode_strings(v, at, a, &given));
	for (size_t i = 0; i < given.count; i++) {
		size_t n = 0;
		while (n < ARRAY_SIZE(names) && strcasecmp(given.items[i], names[n]) != 0)
			n++;
		if (n == ARRAY_SIZE(names))
			return refuse(at, "\"%s\" is unknown; UpdateSecurityVersion, ReadSecret, WriteSecret or "
				      "UpdateManifest is expected", given.items[i]);
		((struct role *)to)->actions |= 1u << n;
	}
	return NULL;
}
DECODE_STRINGS(role_resource_names, role, resource_names)

static error *decode_role(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const struct property properties[] = { { "ResourceType", role_resource_type },
						      { "ResourceNames", role_resource_names },
						      { "Actions", role_actions } };
	json_t *type = json_is_object(v) ? json_member(v, "ResourceType") : NULL;
	TRY(decode_object(v, at, properties, ARRAY_SIZE(properties), a, to));
	if (!type || json_is_null(type))
		return refuse(at, "ResourceType is missing: Packages, Secrets or Manifest is expected");
	return NULL;
}

static error *decode_recovery_key(json_t *v, const struct place *at, struct arena *a, void *to)
{
	return decode_string(v, at, a, &((struct recovery_key *)to)->public_key_pem);
}

/* The public format's properties say nothing that any coordinator has ever enforced; they are taken
 * and kept. Others would be restrictions that somebody relies on: they are refused as unknown. */
static error *decode_infrastructure(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const struct property properties[] = {
		{ "UEID", ignore }, { "QESVN", ignore }, { "PCESVN", ignore },
		{ "CPUSVN", ignore }, { "RootCA", ignore },
	};
	((struct infrastructure *)to)->definition = v;
	return decode_object(v, at, properties, ARRAY_SIZE(properties), a, to);
}

DECODE_STRING(entry_port, tls_entry, port)
DECODE_STRING(entry_address, tls_entry, address)
DECODE_BOOL(entry_disable_client_auth, tls_entry, disable_client_auth)

static error *entry_cert(json_t *v, const struct place *at, struct arena *a, void *to)
{
	const char *name;
	TRY(decode_string(v, at, a, &name));
	((struct tls_entry *)to)->cert = *name ? name : NULL;
	return NULL;
}

static error *decode_tls_entry(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const struct property properties[] = {
		{ "Port", entry_port },
		{ "Addr", entry_address },
		{ "Cert", entry_cert },
		{ "DisableClientAuth", entry_disable_client_auth },
	};
	*(struct tls_entry *)to = (struct tls_entry){ .port = "", .address = "" };
	return decode_object(v, at, properties, ARRAY_SIZE(properties), a, to);
}

static const struct entry_kind tls_entry_kind = { sizeof(struct tls_entry), decode_tls_entry };

static error *tag_outgoing(json_t *v, const struct place *at, struct arena *a, void *to)
{
	struct tls_tag *tag = to;
	void *entries;
	TRY(decode_array(v, at, &tls_entry_kind, a, &entries, &tag->outgoing_count));
	tag->outgoing = entries;
	return NULL;
}

static error *tag_incoming(json_t *v, const struct place *at, struct arena *a, void *to)
{
	struct tls_tag *tag = to;
	void *entries;
	TRY(decode_array(v, at, &tls_entry_kind, a, &entries, &tag->incoming_count));
	tag->incoming = entries;
	return NULL;
}

static error *decode_tag(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const struct property properties[] = { { "Outgoing", tag_outgoing },
						      { "Incoming", tag_incoming } };
	return decode_object(v, at, properties, ARRAY_SIZE(properties), a, to);
}

static error *choose(json_t *v, const struct place *at, struct arena *a, const char *const *names,
		     size_t count, bool exact, size_t *ret)
{
	const char *name;
	TRY(decode_string(v, at, a, &name));
	for (size_t i = 0; i < count; i++) {
		if ((exact ? strcmp : strcasecmp)(name, names[i]) == 0) {
			*ret = i;
			return NULL;
		}
	}
	return refuse(at, "\"%s\" is unknown; \"%s\" is expected, for instance", name, names[count - 1]);
}

static error *config_seal_mode(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const char *const names[] = { "", "UniqueKey", "Disabled", "ProductKey" };
	static const enum seal_mode modes[] = { SEAL_PRODUCT_KEY, SEAL_UNIQUE_KEY, SEAL_DISABLED,
						SEAL_PRODUCT_KEY };
	size_t chosen = 0;
	TRY(choose(v, at, a, names, ARRAY_SIZE(names), true, &chosen));
	((struct manifest_config *)to)->seal_mode = modes[chosen];
	return NULL;
}

static error *config_key_type(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const char *const names[] = { "P-256", "P-384" };
	size_t chosen = 0;
	TRY(choose(v, at, a, names, ARRAY_SIZE(names), true, &chosen));
	((struct manifest_config *)to)->key_type = (enum key_type)chosen;
	return NULL;
}

static error *config_features(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const char *const names[] = { "SignQuoteEndpoint", "MonotonicCounter", "AzureHSMSealing" };
	if (!json_is_array(v))
		return refuse(at, "array of strings expected, %s found", json_type_name(v));
	for (size_t i = 0; i < json_array_size(v); i++) {
		size_t chosen = 0;
		TRY(choose(json_array_get(v, i), at, a, names, ARRAY_SIZE(names), false, &chosen));
		((struct manifest_config *)to)->features |= 1u << chosen;
	}
	return NULL;
}

DECODE_UNSIGNED(config_update_threshold, manifest_config, update_threshold, UINT32_MAX)
DECODE_UNSIGNED(config_recovery_threshold, manifest_config, recovery_threshold, UINT32_MAX)
DECODE_BOOL(config_rotate, manifest_config, rotate_root_secret)

static error *manifest_configuration(json_t *v, const struct place *at, struct arena *a, void *to)
{
	static const struct property properties[] = {
		{ "SealMode", config_seal_mode },
		{ "FeatureGates", config_features },
		{ "UpdateThreshold", config_update_threshold },
		{ "RecoveryThreshold", config_recovery_threshold },
		{ "RotateRootSecret", config_rotate },
		{ "KeyType", config_key_type },
	};
	return decode_object(v, at, properties, ARRAY_SIZE(properties), a,
			     &((struct manifest *)to)->config);
}

DECODE_ENTRIES(manifest_packages, manifest, packages, package_count, package, decode_package)
DECODE_ENTRIES(manifest_infrastructures, manifest, infrastructures, infrastructure_count,
	       infrastructure, decode_infrastructure)
DECODE_ENTRIES(manifest_marbles, manifest, marbles, marble_count, marble, decode_marble)
DECODE_ENTRIES(manifest_secrets, manifest, secrets, secret_count, secret_definition, decode_secret)
DECODE_ENTRIES(manifest_users, manifest, users, user_count, user, decode_user)
DECODE_ENTRIES(manifest_roles, manifest, roles, role_count, role, decode_role)
DECODE_ENTRIES(manifest_recovery_keys, manifest, recovery_keys, recovery_key_count, recovery_key,
	       decode_recovery_key)
DECODE_ENTRIES(manifest_tags, manifest, tls, tls_count, tls_tag, decode_tag)

static const struct property sections[] = {
	{ "Packages", manifest_packages },
	{ "Infrastructures", manifest_infrastructures },
	{ "Marbles", manifest_marbles },
	{ "Secrets", manifest_secrets },
	{ "Users", manifest_users },
	{ "Roles", manifest_roles },
	{ "RecoveryKeys", manifest_recovery_keys },
	{ "TLS", manifest_tags },
	{ "Config", manifest_configuration },
	{ "Clients", ignore }, /* of the format's first version; public manifests still carry it */
};

error *manifest_parse(bytes text, struct manifest **ret)
{
	if (text.size > MANIFEST_SIZE_MAX)
		return error_new(ERROR_TOO_LARGE, "manifest of %zu bytes; at most %d are expected",
				 text.size, MANIFEST_SIZE_MAX);
	CLEANUP(manifest_free) struct manifest *m = calloc(1, sizeof *m);
	TRY_ALLOC(m);
	TRY(blob_copy(text, &m->text));
	SHA256(m->text.data, m->text.size, m->fingerprint);
	TRY(json_parse(text, "JSON", &m->json));
	TRY(decode_object(m->json, NULL, sections, ARRAY_SIZE(sections), &m->arena, m));
	*ret = TAKE(m);
	return NULL;
}
