#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/reader.h"
#include "pki/key.h"
#include "store/recovery_internal.h"
#include "store/shamir.h"

enum { EPHEMERAL_BITS = 4096 };

struct part {
	char *name;
	EVP_PKEY *owner;
	uint8_t digest[32];
	struct secret value;   /* empty: not there yet */
	struct blob signature;
};

struct recovery {
	size_t needed, count;
	struct part *parts;
	EVP_PKEY *ephemeral;
};

error *recovery_key_read(bytes pem, EVP_PKEY **ret)
{
	BIO *text = BIO_new_mem_buf(pem.data, (int)pem.size);
	EVP_PKEY *key = text ? PEM_read_bio_PUBKEY(text, NULL, NULL, NULL) : NULL;
	BIO_free(text);
	ERR_clear_error();
	if (!key)
		return error_new(ERROR_INVALID, "a PEM public key is expected");
	*ret = key;
	return NULL;
}

bool recovery_set_oaep(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0;
}

error *recovery_digest(bytes part, uint8_t ret[32])
{
	static const char label[] = "marblerun recovery part v1";
	CLEANUP(writer_free) struct writer w = { .secret = true };
	write_bytes(&w, bytes_of(label, sizeof label));
	write_bytes(&w, part);
	TRY(writer_check(&w, "recovery part"));
	if (EVP_Digest(w.data, w.size, ret, NULL, EVP_sha256(), NULL) != 1)
		return error_new(ERROR_INTERNAL, "SHA-256 is not available");
	return NULL;
}

static error *read_part(struct reader *r, struct part *part)
{
	uint16_t size = read_be16(r);
	bytes name = read_view(r, size);
	size = read_be16(r);
	bytes pem = read_view(r, size);
	read_into(r, part->digest, sizeof part->digest);
	TRY(reader_check(r, "recovery data"));
	part->name = strndup((const char *)name.data, name.size);
	TRY_ALLOC(part->name);
	return recovery_key_read(pem, &part->owner);
}

static error *read_parts(struct reader *r, struct recovery *to)
{
	uint8_t version = read_u8(r);
	uint16_t needed = read_be16(r), count = read_be16(r);
	TRY(reader_check(r, "recovery data"));
	if (version != PUBLIC_VERSION || count > PARTS_MAX || needed > count || (count && !needed))
		return error_new(ERROR_INVALID, "the recovery data beside the state is none of ours");
	if (!count)
		return error_new(ERROR_UNSUPPORTED, "the manifest of this state names no RecoveryKeys: nothing "
				 "can recover it");
	to->parts = calloc(count, sizeof *to->parts);
	TRY_ALLOC(to->parts);
	to->needed = needed;
	to->count = count;
	for (size_t i = 0; i < count; i++)
		TRY(read_part(r, &to->parts[i]));
	return reader_finish(r, "recovery data");
}

error *recovery_begin(bytes public_section, struct recovery **ret)
{
	CLEANUP(recovery_free) struct recovery *made = calloc(1, sizeof *made);
	struct reader r = reader_of(public_section);
	TRY_ALLOC(made);
	TRY(read_parts(&r, made));
	*ret = TAKE(made);
	return NULL;
}

void recovery_forget(struct recovery *r)
{
	for (size_t i = 0; i < r->count; i++) {
		secret_free(&r->parts[i].value);
		blob_free(&r->parts[i].signature);
	}
}

void recovery_free(struct recovery *r)
{
	if (!r)
		return;
	recovery_forget(r);
	for (size_t i = 0; i < r->count; i++) {
		free(r->parts[i].name);
		EVP_PKEY_free(r->parts[i].owner);
	}
	free(r->parts);
	EVP_PKEY_free(r->ephemeral);
	free(r);
}

static size_t present(const struct recovery *r)
{
	size_t count = 0;
	for (size_t i = 0; i < r->count; i++)
		count += r->parts[i].value.size > 0;
	return count;
}

/* RSA PKCS#1 v1.5 is what the public contract has; the key type says so. */
static bool signed_by(EVP_PKEY *key, bytes part, bytes signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
		    EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestVerify(context, signature.data, signature.size, part.data, part.size) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return good;
}

static error *find_part(struct recovery *r, bytes part, struct part **ret)
{
	uint8_t digest[32];
	TRY(recovery_digest(part, digest));
	for (size_t i = 0; i < r->count; i++)
		if (memcmp(r->parts[i].digest, digest, sizeof digest) == 0) {
			*ret = &r->parts[i];
			return NULL;
		}
	return error_new(ERROR_DENIED, "this is no recovery secret of this state");
}

error *recovery_add(struct recovery *r, bytes part, bytes signature, size_t *ret_remaining)
{
	struct part *found = NULL;
	TRY(find_part(r, part, &found));
	if (found->value.size)
		return error_new(ERROR_CONFLICT, "the recovery secret of \"%s\" is in already; %zu remaining",
				 found->name, r->needed - present(r));
	if (!signature.size)
		return error_new(ERROR_DENIED, "recoverySecretSignature is missing: \"%s\" must sign the "
				 "recovery secret", found->name);
	if (!signed_by(found->owner, part, signature))
		return error_new(ERROR_DENIED, "the recovery secret's signature is not by the recovery key \"%s\"",
				 found->name);
	if (present(r) < r->needed) {
		TRY(blob_copy(signature, &found->signature));
		TRY(secret_copy(part, &found->value));
	}
	*ret_remaining = r->needed - present(r);
	return NULL;
}

static error *join_xor(const struct recovery *r, struct secret *ret)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	TRY(secret_new(STATE_KEY_SIZE, &key));
	for (size_t i = 0; i < r->count; i++) {
		const struct secret *value = &r->parts[i].value;
		if (value->size != STATE_KEY_SIZE)
			return error_new(ERROR_DENIED, "a recovery secret has %zu bytes; %d are expected",
					 value->size, STATE_KEY_SIZE);
		for (size_t byte = 0; byte < STATE_KEY_SIZE; byte++)
			key.data[byte] ^= value->data[byte];
	}
	*ret = secret_take(&key);
	return NULL;
}

static error *join_threshold(const struct recovery *r, struct secret *ret)
{
	struct secret *shares = calloc(r->count, sizeof *shares); /* views: the parts own them */
	size_t count = 0;
	TRY_ALLOC(shares);
	for (size_t i = 0; i < r->count; i++)
		if (r->parts[i].value.size)
			shares[count++] = r->parts[i].value;
	error *e = shamir_combine(shares, count, ret);
	free(shares);
	return e;
}

error *recovery_key(const struct recovery *r, struct secret *ret)
{
	if (present(r) < r->needed)
		return error_new(ERROR_INTERNAL, "recovery secrets are missing");
	return r->needed < r->count ? join_threshold(r, ret) : join_xor(r, ret);
}

/* Is there a recovery key of the manifest, not used yet, that signed this part? */
static error *confirm_part(const struct part *part, const struct manifest *m, bool *used)
{
	for (size_t i = 0; i < m->recovery_key_count; i++) {
		CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
		if (used[i])
			continue;
		TRY(recovery_key_read(bytes_of_string(m->recovery_keys[i].public_key_pem), &key));
		used[i] = signed_by(key, secret_view(&part->value), blob_view(&part->signature));
		if (used[i])
			return NULL;
	}
	return error_new(ERROR_DENIED, "the recovery secret of \"%s\" is not signed by a recovery key of the "
			 "manifest in this state", part->name);
}

error *recovery_confirm(const struct recovery *r, const struct manifest *m)
{
	bool used[PARTS_MAX] = { false };
	size_t needed = recovery_needed(m);
	if (!needed || needed != present(r) || m->recovery_key_count > PARTS_MAX)
		return error_new(ERROR_DENIED, "the manifest in this state asks for %zu recovery secrets, %zu were "
				 "given", needed, present(r));
	for (size_t i = 0; i < r->count; i++)
		if (r->parts[i].value.size)
			TRY(confirm_part(&r->parts[i], m, used));
	return NULL;
}

error *recovery_ephemeral_key(struct recovery *r, struct blob *ret)
{
	if (!r->ephemeral)
		TRY(key_generate(KEY_RSA, EPHEMERAL_BITS, &r->ephemeral));
	return key_public_der(r->ephemeral, ret);
}

static inline void context_free_cleanup(EVP_PKEY_CTX **owned)
{
	EVP_PKEY_CTX_free(*owned);
}

error *recovery_decrypt(struct recovery *r, bytes encrypted, struct secret *ret)
{
	static const char refusal[] = "the recovery secret has no size of a plain one, and is not encrypted to the "
				      "coordinator's present public key";
	CLEANUP(secret_free) struct secret plain = { 0 };
	__attribute__((cleanup(context_free_cleanup))) EVP_PKEY_CTX *context =
		r->ephemeral ? EVP_PKEY_CTX_new(r->ephemeral, NULL) : NULL;
	if (!context || encrypted.size != EPHEMERAL_BITS / 8)
		return error_new(ERROR_INVALID, "%s", refusal);
	TRY(secret_new(EPHEMERAL_BITS / 8, &plain));
	bool good = EVP_PKEY_decrypt_init(context) > 0 && recovery_set_oaep(context) &&
		    EVP_PKEY_decrypt(context, plain.data, &plain.size, encrypted.data, encrypted.size) > 0;
	ERR_clear_error();
	if (!good)
		return error_new(ERROR_INVALID, "%s", refusal);
	*ret = secret_take(&plain);
	return NULL;
}
