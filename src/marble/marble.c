/* A marble out of the launcher's environment or an activation's parameters. */
#include "marble/marble.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "marble/reason.h"
#include "net/tls_chain.h"

static const char root_name[] = "MARBLE_PREDEFINED_ROOT_CA";
static const char chain_name[] = "MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN";
static const char key_name[] = "MARBLE_PREDEFINED_PRIVATE_KEY";
static const char coordinator_root_name[] = "MARBLE_PREDEFINED_COORDINATOR_ROOT_CA";
static const char *const predefined[] = { root_name, chain_name, key_name, coordinator_root_name };

static void bio_free(BIO *bio)
{
	BIO_free(bio);
}
DEFINE_CLEANUP(bio_free, BIO *)
DEFINE_CLEANUP(marblerun_marble_free, marblerun_marble *)

/* Where a variable's value comes from: parameters, or when NULL the environment. */
static error *value_of(const struct marblerun_parameters *given, const char *name, bytes *ret)
{
	const char *value = given ? NULL : getenv(name);
	for (size_t i = 0; given && i < given->environment_count; i++) {
		const struct marblerun_named_value *v = &given->environment[i];
		if (strcmp(v->name, name) == 0) {
			*ret = bytes_of(v->data, v->size);
			return NULL;
		}
	}
	if (!value)
		return error_new(ERROR_NOT_FOUND, "%s is not there%s", name,
				 given ? "" : ": was this program started by marblerun-premain?");
	*ret = bytes_of_string(value);
	return NULL;
}

static error *text_of(const struct marblerun_parameters *given, const char *name, BIO **ret)
{
	bytes value;
	TRY(value_of(given, name, &value));
	if (!value.size || value.size > INT_MAX)
		return error_new(ERROR_INVALID, "%s: PEM is expected", name);
	*ret = BIO_new_mem_buf(value.data, (int)value.size);
	return *ret ? NULL : error_no_memory();
}

/* An empty passphrase, so that an encrypted block does not make OpenSSL ask on a terminal. */
static char no_passphrase[] = "";

static error *read_chain(const struct marblerun_parameters *given, marblerun_marble *m)
{
	CLEANUP(bio_free) BIO *text = NULL;
	X509 *found;
	TRY(text_of(given, chain_name, &text));
	while (m->chain_size < CHAIN_MAX && (found = PEM_read_bio_X509(text, NULL, NULL, no_passphrase)))
		m->chain[m->chain_size++] = found;
	bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	if (!m->chain_size || !at_end)
		return error_new(ERROR_INVALID, "%s: 1 to %d certificates in PEM are expected", chain_name,
				 CHAIN_MAX - 1);
	return NULL;
}

static error *read_root(const struct marblerun_parameters *given, const char *name, X509 **ret)
{
	bytes value;
	TRY(value_of(given, name, &value));
	return tls_chain_of_pem(value, name, 1, ret);
}

static error *read_key(const struct marblerun_parameters *given, marblerun_marble *m)
{
	CLEANUP(bio_free) BIO *text = NULL;
	TRY(text_of(given, key_name, &text));
	m->key = PEM_read_bio_PrivateKey(text, NULL, NULL, no_passphrase);
	bool fits = m->key && X509_check_private_key(m->chain[0], m->key) == 1;
	ERR_clear_error();
	if (!m->key)
		return error_new(ERROR_INVALID, "%s: a private key in PEM is expected", key_name);
	if (!fits)
		return error_new(ERROR_INVALID, "%s is not the key of the certificate in %s", key_name, chain_name);
	return NULL;
}

static error *read_marble(const struct marblerun_parameters *given, marblerun_marble **ret)
{
	CLEANUP(marblerun_marble_free) marblerun_marble *m = calloc(1, sizeof *m);
	TRY_ALLOC(m);
	TRY(read_root(given, root_name, &m->root));
	TRY(read_chain(given, m));
	TRY(read_key(given, m));
	TRY(read_root(given, coordinator_root_name, &m->coordinator_root));
	TRY_CTX(peer_of_certificate(m->chain[0], &m->self), "%s", chain_name);
	if (X509_verify(m->chain[0], X509_get0_pubkey(m->root)) != 1) {
		ERR_clear_error();
		return error_new(ERROR_INVALID, "the certificate in %s is not of the mesh in %s", chain_name,
				 root_name);
	}
	*ret = TAKE(m);
	return NULL;
}

int marblerun_marble_of_environment(marblerun_marble **ret, char reason[MARBLERUN_REASON_SIZE])
{
	return reason_of_error(read_marble(NULL, ret), reason);
}

int marblerun_marble_of_parameters(struct marblerun_parameters *parameters, marblerun_marble **ret,
				   char reason[MARBLERUN_REASON_SIZE])
{
	int failed = reason_of_error(read_marble(parameters, ret), reason);
	if (!failed)
		(*ret)->parameters = parameters;
	return failed;
}

static int activate(marblerun_marble **ret, char reason[MARBLERUN_REASON_SIZE])
{
	struct marblerun_activation_options options;
	struct marblerun_parameters *given = NULL;
	int failed = marblerun_activation_options_of_environment(&options, reason);
	if (!failed)
		failed = marblerun_activate(&options, &given, reason);
	if (!failed) {
		failed = marblerun_marble_of_parameters(given, ret, reason);
		if (failed)
			marblerun_parameters_free(given);
	}
	return failed;
}

int marblerun_marble_open(marblerun_marble **ret, char reason[MARBLERUN_REASON_SIZE])
{
	const char *type = getenv("EDG_MARBLE_TYPE");
	for (size_t i = 0; i < ARRAY_SIZE(predefined); i++)
		if (getenv(predefined[i]))
			return marblerun_marble_of_environment(ret, reason);
	if (type && *type)
		return activate(ret, reason);
	return reason_of_error(error_new(ERROR_NOT_FOUND, "this process is no marble: neither has marblerun-premain "
					 "started it (%s is not set), nor can it activate itself (EDG_MARBLE_TYPE "
					 "is not set)", root_name), reason);
}

const struct marblerun_peer *marblerun_marble_self(const marblerun_marble *marble)
{
	return &marble->self;
}

const struct marblerun_parameters *marblerun_marble_parameters(const marblerun_marble *marble)
{
	return marble->parameters;
}

void marblerun_marble_free(marblerun_marble *marble)
{
	if (!marble)
		return;
	for (size_t i = 0; i < marble->chain_size; i++)
		X509_free(marble->chain[i]);
	EVP_PKEY_free(marble->key);
	X509_free(marble->root);
	X509_free(marble->coordinator_root);
	marblerun_parameters_free(marble->parameters);
	free(marble);
}
