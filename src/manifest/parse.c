#include "manifest/parse.h"

#include <openssl/evp.h>

#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/timestamp.h"
#include "manifest/credentials.h"
#include "manifest/package.h"

enum { NAME_BYTES_MAX = 253, PATH_BYTES_MAX = 4095 };

/* Names stand in logs, messages, certificates and the store. */
static error *check_name(const char *name, const struct place *at)
{
	size_t length = strlen(name);
	bool control = false;
	for (size_t i = 0; i < length; i++)
		control |= (unsigned char)name[i] < 0x20 || name[i] == 0x7f;
	if (length == 0 || length > NAME_BYTES_MAX || control)
		return refuse(at, "\"%s\": a name of 1 to %d bytes without control characters expected",
			      shown(name).text, NAME_BYTES_MAX);
	return NULL;
}

/* A file's path or an environment variable's name; JSON names hold no NUL. */
static error *check_path(const char *name, const struct place *at)
{
	size_t length = strlen(name);
	if (length == 0 || length > PATH_BYTES_MAX)
		return refuse(at, "\"%s\": a path of 1 to %d bytes expected", shown(name).text,
			      PATH_BYTES_MAX);
	return NULL;
}

static error *check_variable(const char *name, const struct place *at)
{
	size_t length = strlen(name);
	if (length == 0 || length > PATH_BYTES_MAX || strchr(name, '='))
		return refuse(at, "\"%s\": a variable's name of 1 to %d bytes without \"=\" expected",
			      shown(name).text, PATH_BYTES_MAX);
	return NULL;
}

/* ---- Marbles ---- */

/* A file or a variable before its content is decoded. */
struct parameter_source {
	json_t *data;
	unsigned encoding;
	bool no_templates;
};

static error *decode_data(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	(void)arena;
	*(json_t **)to = value;
	return expect_type(json_is_string(value), value, at, "string");
}

static error *decode_encoding(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct choice encodings[] = {
		{ "string", PARAMETER_STRING },
		{ "base64", PARAMETER_BASE64 },
		{ "hex", PARAMETER_HEX },
	};
	(void)arena;
	if (json_is_string(value) && json_string_length(value) == 0)
		return NULL;
	return decode_choice(value, at, encodings, ARRAY_SIZE(encodings), SPELLING_ANY_CASE, to);
}

static error *decode_content(bytes text, enum parameter_encoding encoding, const struct place *at,
			     struct blob *ret)
{
	switch (encoding) {
	case PARAMETER_STRING:
		return blob_copy(text, ret);
	case PARAMETER_BASE64:
		return refuse_for(at, base64_decode(text, "Data", ret));
	case PARAMETER_HEX:
		return refuse_for(at, hex_decode(text, "Data", ret));
	}
	return error_new(ERROR_INTERNAL, "unknown encoding");
}

static error *decode_parameter(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct property properties[] = {
		PROPERTY("Data", struct parameter_source, data, decode_data),
		PROPERTY("Encoding", struct parameter_source, encoding, decode_encoding),
		PROPERTY("NoTemplates", struct parameter_source, no_templates, decode_boolean),
	};
	struct parameter *parameter = to;
	struct parameter_source source = { .data = value, .encoding = PARAMETER_STRING };
	CLEANUP(blob_free) struct blob content = { 0 };
	if (!json_is_string(value)) {
		source.data = NULL;
		TRY(expect_type(json_is_object(value), value, at, "string or object"));
		TRY(decode_object(value, at, properties, ARRAY_SIZE(properties), arena, &source));
	}
	TRY(decode_content(json_bytes(source.data), source.encoding, at, &content));
	char *copy = arena_string(arena, blob_view(&content));
	TRY_ALLOC(copy);
	parameter->data = bytes_of(copy, content.size);
	parameter->encoding = source.encoding;
	parameter->no_templates = source.no_templates;
	return NULL;
}

static error *decode_parameters(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct entry_kind files = { sizeof(struct parameter), decode_parameter, check_path };
	static const struct entry_kind variables = { sizeof(struct parameter), decode_parameter,
						     check_variable };
	static const struct property properties[] = {
		ENTRIES("Files", struct marble, files, file_count, &files),
		ENTRIES("Env", struct marble, environment, environment_count, &variables),
		PROPERTY("Argv", struct marble, arguments, decode_strings),
	};
	return decode_object(value, at, properties, ARRAY_SIZE(properties), arena, to);
}

static error *decode_marble(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct property properties[] = {
		PROPERTY("Package", struct marble, package, decode_string),
		PROPERTY("MaxActivations", struct marble, max_activations, decode_unsigned),
		{ "Parameters", 0, decode_parameters },
		PROPERTY("TLS", struct marble, tls, decode_strings),
		PROPERTY("DisableSecretBinding", struct marble, disable_secret_binding, decode_boolean),
		PROPERTY("DenyUnlisted", struct marble, deny_unlisted, decode_boolean),
		PROPERTY("ResolvableNames", struct marble, resolvable_names, decode_strings),
	};
	((struct marble *)to)->package = "";
	return decode_object(value, at, properties, ARRAY_SIZE(properties), arena, to);
}

/* ---- Secrets ---- */

static error *decode_secret_type(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct choice types[] = {
		{ "symmetric-key", SECRET_SYMMETRIC_KEY },
		{ "cert-rsa", SECRET_CERT_RSA },
		{ "cert-ecdsa", SECRET_CERT_ECDSA },
		{ "cert-ed25519", SECRET_CERT_ED25519 },
		{ "plain", SECRET_PLAIN },
	};
	unsigned type;
	(void)arena;
	TRY(decode_choice(value, at, types, ARRAY_SIZE(types), SPELLING_EXACT, &type));
	*(enum secret_type *)to = type;
	return NULL;
}

/* Go writes its zero time for "not given". */
static error *decode_not_after(json_t *cert, const struct place *at, struct secret_definition *secret)
{
	json_t *value = json_member(cert, "NotAfter");
	struct place here = { at, "NotAfter", 0 };
	if (!value || json_is_null(value) ||
	    bytes_equal_string(json_bytes(value), "0001-01-01T00:00:00Z"))
		return NULL;
	TRY(expect_type(json_is_string(value), value, &here, "string"));
	TRY(refuse_for(at, timestamp_parse(json_bytes(value), here.name, &secret->not_after)));
	secret->has_not_after = true;
	return NULL;
}

static error *decode_cert(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	struct secret_definition *secret = to;
	(void)arena;
	TRY(expect_type(json_is_object(value), value, at, "object"));
	secret->cert = value;
	return decode_not_after(value, at, secret);
}

static error *missing(const struct place *at, json_t *object, const char *property)
{
	json_t *value = json_member(object, property);
	return value && !json_is_null(value) ? NULL : refuse(at, "%s is missing", property);
}

static error *decode_secret(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct property properties[] = {
		PROPERTY("Type", struct secret_definition, type, decode_secret_type),
		PROPERTY("Size", struct secret_definition, size, decode_unsigned),
		PROPERTY("Shared", struct secret_definition, shared, decode_boolean),
		PROPERTY("UserDefined", struct secret_definition, user_defined, decode_boolean),
		PROPERTY("ValidFor", struct secret_definition, valid_for, decode_unsigned),
		{ "Cert", 0, decode_cert },
	};
	TRY(decode_object(value, at, properties, ARRAY_SIZE(properties), arena, to));
	return missing(at, value, "Type");
}

/* ---- Users, Roles, RecoveryKeys ---- */

static error *decode_certificate(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	struct user *user = to;
	TRY(decode_string(value, at, arena, &user->certificate_pem));
	return certificate_decode(user->certificate_pem, at, arena, &user->certificate);
}

static error *decode_user(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct property properties[] = {
		{ "Certificate", 0, decode_certificate },
		PROPERTY("Roles", struct user, roles, decode_strings),
	};
	TRY(decode_object(value, at, properties, ARRAY_SIZE(properties), arena, to));
	return missing(at, value, "Certificate");
}

static error *decode_resource_type(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct choice types[] = {
		{ "Packages", RESOURCE_PACKAGES },
		{ "Secrets", RESOURCE_SECRETS },
		{ "Manifest", RESOURCE_MANIFEST },
	};
	unsigned type;
	(void)arena;
	TRY(decode_choice(value, at, types, ARRAY_SIZE(types), SPELLING_EXACT, &type));
	*(enum resource_type *)to = type;
	return NULL;
}

static error *decode_actions(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct choice actions[] = {
		{ "UpdateSecurityVersion", ACTION_UPDATE_SECURITY_VERSION },
		{ "ReadSecret", ACTION_READ_SECRET },
		{ "WriteSecret", ACTION_WRITE_SECRET },
		{ "UpdateManifest", ACTION_UPDATE_MANIFEST },
	};
	(void)arena;
	return decode_choices(value, at, actions, ARRAY_SIZE(actions), SPELLING_ANY_CASE, to);
}

static error *decode_role(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct property properties[] = {
		PROPERTY("ResourceType", struct role, resource_type, decode_resource_type),
		PROPERTY("ResourceNames", struct role, resource_names, decode_strings),
		PROPERTY("Actions", struct role, actions, decode_actions),
	};
	TRY(decode_object(value, at, properties, ARRAY_SIZE(properties), arena, to));
	return missing(at, value, "ResourceType");
}

static error *decode_recovery_key(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	return decode_string(value, at, arena, &((struct recovery_key *)to)->public_key_pem);
}

/* ---- TLS ---- */

/* The empty text is "not given", as in Go. */
static error *decode_secret_name(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	const char *name;
	TRY(decode_string(value, at, arena, &name));
	*(const char **)to = *name ? name : NULL;
	return NULL;
}

static error *decode_tls_entry(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct property properties[] = {
		PROPERTY("Port", struct tls_entry, port, decode_string),
		PROPERTY("Addr", struct tls_entry, address, decode_string),
		PROPERTY("Cert", struct tls_entry, cert, decode_secret_name),
		PROPERTY("DisableClientAuth", struct tls_entry, disable_client_auth, decode_boolean),
		PROPERTY("AllowedMarbles", struct tls_entry, allowed_marbles, decode_strings),
		PROPERTY("ExpectedMarbles", struct tls_entry, expected_marbles, decode_strings),
	};
	*(struct tls_entry *)to = (struct tls_entry){ .port = "", .address = "" };
	return decode_object(value, at, properties, ARRAY_SIZE(properties), arena, to);
}

static error *decode_tls_tag(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct entry_kind entries = { sizeof(struct tls_entry), decode_tls_entry, NULL };
	static const struct property properties[] = {
		ENTRIES("Outgoing", struct tls_tag, outgoing, outgoing_count, &entries),
		ENTRIES("Incoming", struct tls_tag, incoming, incoming_count, &entries),
	};
	return decode_object(value, at, properties, ARRAY_SIZE(properties), arena, to);
}

/* ---- Config ---- */

static error *decode_seal_mode(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct choice modes[] = {
		{ "ProductKey", SEAL_PRODUCT_KEY },
		{ "UniqueKey", SEAL_UNIQUE_KEY },
		{ "Disabled", SEAL_DISABLED },
	};
	unsigned mode = SEAL_PRODUCT_KEY;
	(void)arena;
	if (!json_is_string(value) || json_string_length(value))
		TRY(decode_choice(value, at, modes, ARRAY_SIZE(modes), SPELLING_EXACT, &mode));
	*(enum seal_mode *)to = mode;
	return NULL;
}

static error *decode_features(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct choice features[] = {
		{ "SignQuoteEndpoint", FEATURE_SIGN_QUOTE_ENDPOINT },
		{ "MonotonicCounter", FEATURE_MONOTONIC_COUNTER },
		{ "AzureHSMSealing", FEATURE_AZURE_HSM_SEALING },
	};
	(void)arena;
	return decode_choices(value, at, features, ARRAY_SIZE(features), SPELLING_ANY_CASE, to);
}

static error *decode_key_type(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct choice types[] = { { "P-256", KEY_TYPE_P256 }, { "P-384", KEY_TYPE_P384 } };
	unsigned type;
	(void)arena;
	TRY(decode_choice(value, at, types, ARRAY_SIZE(types), SPELLING_EXACT, &type));
	*(enum key_type *)to = type;
	return NULL;
}

static error *decode_config(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct property properties[] = {
		PROPERTY("SealMode", struct manifest_config, seal_mode, decode_seal_mode),
		PROPERTY("FeatureGates", struct manifest_config, features, decode_features),
		PROPERTY("UpdateThreshold", struct manifest_config, update_threshold, decode_unsigned),
		PROPERTY("RecoveryThreshold", struct manifest_config, recovery_threshold, decode_unsigned),
		PROPERTY("RotateRootSecret", struct manifest_config, rotate_root_secret, decode_boolean),
		PROPERTY("StopOnRollback", struct manifest_config, stop_on_rollback, decode_boolean),
		PROPERTY("KeyType", struct manifest_config, key_type, decode_key_type),
	};
	return decode_object(value, at, properties, ARRAY_SIZE(properties), arena, to);
}

/* ---- the whole ---- */

static const struct entry_kind package_kind = { sizeof(struct package), decode_package, check_name };
static const struct entry_kind infrastructure_kind = { sizeof(struct infrastructure),
						       decode_infrastructure, check_name };
static const struct entry_kind marble_kind = { sizeof(struct marble), decode_marble, check_name };
static const struct entry_kind secret_kind = { sizeof(struct secret_definition), decode_secret,
					       check_name };
static const struct entry_kind user_kind = { sizeof(struct user), decode_user, check_name };
static const struct entry_kind role_kind = { sizeof(struct role), decode_role, check_name };
static const struct entry_kind recovery_key_kind = { sizeof(struct recovery_key), decode_recovery_key,
						     check_name };
static const struct entry_kind tls_kind = { sizeof(struct tls_tag), decode_tls_tag, check_name };

static const struct property sections[] = {
	ENTRIES("Packages", struct manifest, packages, package_count, &package_kind),
	ENTRIES("Infrastructures", struct manifest, infrastructures, infrastructure_count,
		&infrastructure_kind),
	ENTRIES("Marbles", struct manifest, marbles, marble_count, &marble_kind),
	ENTRIES("Secrets", struct manifest, secrets, secret_count, &secret_kind),
	ENTRIES("Users", struct manifest, users, user_count, &user_kind),
	ENTRIES("Roles", struct manifest, roles, role_count, &role_kind),
	ENTRIES("RecoveryKeys", struct manifest, recovery_keys, recovery_key_count, &recovery_key_kind),
	ENTRIES("TLS", struct manifest, tls, tls_count, &tls_kind),
	PROPERTY("Config", struct manifest, config, decode_config),
	/* A section of the format's first version, which public manifests still carry. */
	{ "Clients", 0, decode_nothing },
};

error *manifest_parse(bytes text, struct manifest **ret)
{
	CLEANUP(manifest_free) struct manifest *m = NULL;
	if (text.size > MANIFEST_SIZE_MAX)
		return error_new(ERROR_TOO_LARGE, "manifest: %zu bytes, at most %d expected", text.size,
				 MANIFEST_SIZE_MAX);
	TRY_ALLOC(m = calloc(1, sizeof *m));
	TRY(blob_copy(text, &m->text));
	if (!EVP_Digest(text.data, text.size, m->fingerprint, NULL, EVP_sha256(), NULL))
		return error_new(ERROR_INTERNAL, "SHA-256 is not available");
	TRY(json_parse(text, "manifest", &m->json));
	struct place at = { NULL, "manifest", 0 };
	TRY(expect_type(json_is_object(m->json), m->json, &at, "object"));
	TRY(decode_object(m->json, NULL, sections, ARRAY_SIZE(sections), &m->arena, m));
	*ret = TAKE(m);
	return NULL;
}
