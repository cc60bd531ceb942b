#include "manifest/check.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "manifest/decode.h"

static error *check_package(const struct package *p)
{
	struct place section = { NULL, "Packages" }, at = { &section, p->name };
	bool by_signer = p->has_signer_id || p->has_product_id || p->has_security_version;
	if (p->placeholder && !p->debug)
		return refuse(&at, "\"%.80s\" is no UniqueID or SignerID; 64 hexadecimal digits are expected",
			      p->placeholder);
	if (p->debug)
		return NULL; /* nothing that a debug enclave holds is safe anyway */
	if (p->has_unique_id && by_signer)
		return refuse(&at, "either UniqueID or SignerID, ProductID and SecurityVersion are expected, "
			      "not both");
	if (p->has_unique_id)
		return NULL;
	if (!p->has_signer_id || !p->has_product_id || !p->has_security_version)
		return refuse(&at, "%s is missing: UniqueID, or all of SignerID, ProductID and SecurityVersion, "
			      "are expected unless Debug is true",
			      !p->has_signer_id ? "SignerID" : !p->has_product_id ? "ProductID" :
										    "SecurityVersion");
	return NULL;
}

static error *check_environment(const struct marble *m, const struct place *above)
{
	struct place at = { above, "Env" };
	for (size_t i = 0; i < m->environment_count; i++) {
		const struct parameter *p = &m->environment[i];
		struct place here = { &at, p->name };
		if (strchr(p->name, '='))
			return refuse(&here, "the name of an environment variable can't hold \"=\"");
		if (p->data.size && memchr(p->data.data, 0, p->data.size))
			return refuse(&here, "content contains a NUL byte, which no environment variable can hold");
	}
	return NULL;
}

static error *check_marble(const struct manifest *m, const struct marble *marble)
{
	struct place section = { NULL, "Marbles" }, at = { &section, marble->name };
	if (!*marble->package)
		return refuse(&at, "Package is missing");
	if (!manifest_package(m, marble->package))
		return refuse(&at, "Package: \"%s\" is not defined in Packages", marble->package);
	for (size_t i = 0; i < marble->tls.count; i++)
		if (!manifest_tls(m, marble->tls.items[i]))
			return refuse(&at, "TLS: tag \"%s\" is not defined in TLS", marble->tls.items[i]);
	return check_environment(marble, &at);
}

static bool is_port(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && strlen(text) <= 5 && number >= 1 && number <= 65535;
}

static error *check_entry(const struct manifest *m, const struct tls_entry *entry,
			  const struct place *at, bool outgoing)
{
	if (!*entry->port)
		return refuse(at, "Port is missing");
	if (!is_port(entry->port))
		return refuse(at, "Port: \"%s\" is no port; 1 to 65535, as a string, is expected", entry->port);
	if (outgoing)
		return *entry->address ? NULL : refuse(at, "Addr is missing");
	if (entry->cert && !entry->disable_client_auth)
		return refuse(at, "Cert is given, but DisableClientAuth is not true: clients of a custom "
			      "certificate can't be asked for the mesh's own");
	if (!entry->cert && entry->disable_client_auth)
		return refuse(at, "DisableClientAuth is true, but there is no Cert: clients from outside need "
			      "a certificate that they know");
	const struct secret_definition *secret = entry->cert ? manifest_secret(m, entry->cert) : NULL;
	if (entry->cert && !secret)
		return refuse(at, "Cert: \"%s\" is not defined in Secrets", entry->cert);
	if (secret && secret->type < SECRET_CERT_RSA)
		return refuse(at, "Cert: secret \"%s\" is a %s; a certificate is expected", entry->cert,
			      secret_type_name(secret->type));
	return NULL;
}

static error *check_tag(const struct manifest *m, const struct tls_tag *tag)
{
	struct place section = { NULL, "TLS" }, at = { &section, tag->name };
	struct place outgoing = { &at, "Outgoing" }, incoming = { &at, "Incoming" };
	for (size_t i = 0; i < tag->outgoing_count; i++)
		TRY(check_entry(m, &tag->outgoing[i], &outgoing, true));
	for (size_t i = 0; i < tag->incoming_count; i++)
		TRY(check_entry(m, &tag->incoming[i], &incoming, false));
	return NULL;
}

/* Sizes that can't be are refused with the values' own rules by secrets/generate; these are the rules
 * of the manifest alone. */
static error *check_secret(const struct secret_definition *s)
{
	struct place section = { NULL, "Secrets" }, at = { &section, s->name };
	bool certificate = s->type >= SECRET_CERT_RSA;
	if (s->has_not_after && s->valid_for)
		return refuse(&at, "ValidFor and Cert.NotAfter are both given; one of them is expected");
	if (!certificate && s->valid_for)
		return refuse(&at, "ValidFor is for certificates only");
	if (s->type == SECRET_PLAIN && !s->user_defined)
		return refuse(&at, "a plain secret is uploaded by a user: UserDefined: true is expected");
	return NULL;
}

static error *check_user(const struct manifest *m, size_t index)
{
	const struct user *user = &m->users[index];
	struct place section = { NULL, "Users" }, at = { &section, user->name };
	if (!user->certificate.size)
		return refuse(&at, "Certificate is missing");
	for (size_t i = 0; i < user->roles.count; i++)
		if (!manifest_role(m, user->roles.items[i]))
			return refuse(&at, "Roles: \"%s\" is not defined in Roles", user->roles.items[i]);
	for (size_t i = 0; i < index; i++)
		if (bytes_equal(blob_view(&m->users[i].certificate), blob_view(&user->certificate)))
			return refuse(&at, "Certificate: user \"%s\" has the same; each user needs one of their "
				      "own", m->users[i].name);
	return NULL;
}

static error *check_secret_resource(const struct manifest *m, const struct role *role, const char *name,
				    const struct place *at)
{
	const struct secret_definition *secret = manifest_secret(m, name);
	if (!secret)
		return refuse(at, "ResourceNames: \"%s\" is not defined in Secrets", name);
	if (role->actions & ACTION_WRITE_SECRET && !secret->user_defined)
		return refuse(at, "WriteSecret on \"%s\", which is not user-defined", name);
	if (role->actions & ACTION_READ_SECRET && !secret->shared && !secret->user_defined)
		return refuse(at, "ReadSecret on \"%s\", which each marble has a value of its own of", name);
	return NULL;
}

static error *check_role(const struct manifest *m, const struct role *role)
{
	static const unsigned fitting[] = {
		[RESOURCE_PACKAGES] = ACTION_UPDATE_SECURITY_VERSION,
		[RESOURCE_SECRETS] = ACTION_READ_SECRET | ACTION_WRITE_SECRET,
		[RESOURCE_MANIFEST] = ACTION_UPDATE_MANIFEST,
	};
	struct place section = { NULL, "Roles" }, at = { &section, role->name };
	if (role->actions & ~fitting[role->resource_type])
		return refuse(&at, "Actions: an action does not fit the ResourceType: UpdateSecurityVersion is "
			      "for Packages, ReadSecret and WriteSecret for Secrets, UpdateManifest for Manifest");
	if (role->resource_type == RESOURCE_MANIFEST && role->resource_names.count)
		return refuse(&at, "ResourceNames are not expected with ResourceType Manifest");
	for (size_t i = 0; i < role->resource_names.count; i++) {
		const char *name = role->resource_names.items[i];
		if (role->resource_type == RESOURCE_PACKAGES && !manifest_package(m, name))
			return refuse(&at, "ResourceNames: \"%s\" is not defined in Packages", name);
		if (role->resource_type == RESOURCE_SECRETS)
			TRY(check_secret_resource(m, role, name, &at));
	}
	return NULL;
}

static error *check_recovery_key(const struct recovery_key *key)
{
	struct place section = { NULL, "RecoveryKeys" }, at = { &section, key->name };
	BIO *text = BIO_new_mem_buf(key->public_key_pem, -1);
	EVP_PKEY *parsed = text ? PEM_read_bio_PUBKEY(text, NULL, NULL, NULL) : NULL;
	int bits = parsed && EVP_PKEY_is_a(parsed, "RSA") ? EVP_PKEY_get_bits(parsed) : 0;
	BIO_free(text);
	EVP_PKEY_free(parsed);
	ERR_clear_error();
	if (bits < 2048 || bits > 16384)
		return refuse(&at, "a PEM-encoded RSA public key (\"BEGIN PUBLIC KEY\") of 2048 to 16384 bits is "
			      "expected");
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
	struct place at = { NULL, "Config" };
	uint64_t updaters = 0, threshold = m->config.recovery_threshold;
	for (size_t i = 0; i < m->user_count; i++)
		updaters += may_update_manifest(m, &m->users[i]);
	if (m->config.update_threshold > updaters)
		return refuse(&at, "UpdateThreshold: %llu is more than the %llu users who may update the manifest",
			      (unsigned long long)m->config.update_threshold, (unsigned long long)updaters);
	if (threshold == 1 || threshold > m->recovery_key_count)
		return refuse(&at, "RecoveryThreshold: %llu; 0, or 2 to the number of RecoveryKeys (%zu), is "
			      "expected", (unsigned long long)threshold, m->recovery_key_count);
	if (m->recovery_key_count > 255)
		return refuse(&at, "RecoveryKeys: at most 255 are expected");
	if (m->config.features & FEATURE_AZURE_HSM_SEALING)
		return refuse(&at, "FeatureGates: AzureHSMSealing is not supported yet");
	return NULL;
}

error *manifest_check(const struct manifest *m)
{
	struct place packages = { NULL, "Packages" }, marbles = { NULL, "Marbles" };
	if (!m->package_count)
		return refuse(&packages, "at least one package is expected");
	if (!m->marble_count)
		return refuse(&marbles, "at least one marble is expected");
	for (size_t i = 0; i < m->package_count; i++)
		TRY(check_package(&m->packages[i]));
	for (size_t i = 0; i < m->marble_count; i++)
		TRY(check_marble(m, &m->marbles[i]));
	for (size_t i = 0; i < m->tls_count; i++)
		TRY(check_tag(m, &m->tls[i]));
	for (size_t i = 0; i < m->secret_count; i++)
		TRY(check_secret(&m->secrets[i]));
	for (size_t i = 0; i < m->user_count; i++)
		TRY(check_user(m, i));
	for (size_t i = 0; i < m->role_count; i++)
		TRY(check_role(m, &m->roles[i]));
	for (size_t i = 0; i < m->recovery_key_count; i++)
		TRY(check_recovery_key(&m->recovery_keys[i]));
	return check_config(m);
}
