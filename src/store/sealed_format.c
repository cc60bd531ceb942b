#include "store/sealed_format.h"

#include <openssl/evp.h>

#include "base/hkdf.h"
#include "base/random.h"
#include "base/reader.h"

static const char data_magic[8] = "MRDATA01", key_magic[8] = "MRKEY001";
static const char record_label[] = "marblerun sealed record v1", key_label[] = "marblerun sealed key v1";

static inline void cipher_free_cleanup(EVP_CIPHER_CTX **owned)
{
	EVP_CIPHER_CTX_free(*owned);
}
#define CLEANUP_CIPHER __attribute__((cleanup(cipher_free_cleanup)))

static error *failed(const char *what)
{
	return error_new(ERROR_INTERNAL, "%s failed", what);
}

static error *derive(bytes from, bytes salt, const char *info, struct secret *ret)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	TRY(secret_new(32, &key));
	TRY(hkdf_sha256(from, salt, bytes_of_string(info), &key));
	*ret = secret_take(&key);
	return NULL;
}

/* Appends nonce, ciphertext and tag. */
static error *encrypt(bytes key, bytes associated, bytes plain, struct writer *to)
{
	uint8_t nonce[NONCE_SIZE], tag[TAG_SIZE];
	int size, rest = 0;
	CLEANUP_CIPHER EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	CLEANUP(blob_free) struct blob encrypted = { malloc(plain.size + 1), plain.size };
	TRY_ALLOC(encrypted.data);
	TRY(random_fill(nonce, sizeof nonce));
	if (!context || EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key.data, nonce) != 1 ||
	    EVP_EncryptUpdate(context, NULL, &size, associated.data, (int)associated.size) != 1 ||
	    EVP_EncryptUpdate(context, encrypted.data, &size, plain.data, (int)plain.size) != 1 ||
	    EVP_EncryptFinal_ex(context, encrypted.data + size, &rest) != 1 ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) != 1)
		return failed("AES-256-GCM");
	write_bytes(to, BYTES_OF_ARRAY(nonce));
	write_bytes(to, blob_view(&encrypted));
	write_bytes(to, BYTES_OF_ARRAY(tag));
	return writer_check(to, "sealed data");
}

/* ERROR_DENIED when it does not authenticate. */
static error *decrypt(bytes key, bytes associated, bytes sealed, struct secret *ret)
{
	CLEANUP(secret_free) struct secret plain = { 0 };
	CLEANUP_CIPHER EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int size = 0, rest = 0;
	if (sealed.size < NONCE_SIZE + TAG_SIZE)
		return error_new(ERROR_DENIED, "too short");
	bytes encrypted = bytes_slice(sealed, NONCE_SIZE, sealed.size - NONCE_SIZE - TAG_SIZE);
	uint8_t tag[TAG_SIZE];
	memcpy(tag, sealed.data + sealed.size - TAG_SIZE, TAG_SIZE);
	TRY(secret_new(encrypted.size, &plain));
	if (!context || EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key.data, sealed.data) != 1 ||
	    EVP_DecryptUpdate(context, NULL, &size, associated.data, (int)associated.size) != 1 ||
	    EVP_DecryptUpdate(context, plain.data, &size, encrypted.data, (int)encrypted.size) != 1 ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) != 1)
		return failed("AES-256-GCM");
	if (EVP_DecryptFinal_ex(context, plain.data + size, &rest) != 1)
		return error_new(ERROR_DENIED, "it was changed, or belongs to another key");
	*ret = secret_take(&plain);
	return NULL;
}

/* ---- sealed_data ---- */

void generation_free(struct generation *g)
{
	secret_free(&g->key);
	*g = (struct generation){ 0 };
}

static error *digest_header(struct generation *g, bytes header)
{
	if (EVP_Digest(header.data, header.size, g->header_digest, NULL, EVP_sha256(), NULL) != 1)
		return failed("SHA-256");
	return NULL;
}

error *generation_set_key(struct generation *g, bytes state_key)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	TRY(derive(state_key, BYTES_OF_ARRAY(g->name), "marblerun sealed data v1", &key));
	secret_free(&g->key);
	g->key = secret_take(&key);
	return NULL;
}

error *generation_new(bytes state_key, bytes public_section, struct generation *ret, struct blob *ret_header)
{
	CLEANUP(generation_free) struct generation g = { 0 };
	CLEANUP(writer_free) struct writer header = { 0 };
	TRY(random_fill(g.name, sizeof g.name));
	TRY(generation_set_key(&g, state_key));
	write_bytes(&header, BYTES_OF_ARRAY(data_magic));
	write_bytes(&header, BYTES_OF_ARRAY(g.name));
	write_be32(&header, (uint32_t)public_section.size);
	write_bytes(&header, public_section);
	TRY(writer_check(&header, "header"));
	TRY(digest_header(&g, writer_view(&header)));
	TRY(blob_of_writer(&header, "header", ret_header));
	*ret = g;
	g = (struct generation){ 0 };
	return NULL;
}

error *generation_read(bytes file, struct generation *ret, bytes *ret_public, size_t *ret_size)
{
	struct generation g = { 0 };
	struct reader r = reader_of(file);
	bytes magic = read_view(&r, sizeof data_magic);
	read_into(&r, g.name, sizeof g.name);
	uint32_t size = read_be32(&r);
	bytes public_section = read_view(&r, size);
	TRY(reader_check(&r, "sealed_data"));
	if (!bytes_equal(magic, BYTES_OF_ARRAY(data_magic)) || size > PUBLIC_MAX)
		return error_new(ERROR_INVALID, "sealed_data is no state of this coordinator, or of a later version");
	*ret_size = file.size - r.rest.size;
	TRY(digest_header(&g, bytes_slice(file, 0, *ret_size)));
	*ret = g;
	*ret_public = public_section;
	return NULL;
}

static error *associated_data(const struct generation *g, struct writer *to)
{
	write_bytes(to, bytes_of(record_label, sizeof record_label));
	write_bytes(to, BYTES_OF_ARRAY(g->header_digest));
	write_be64(to, g->records);
	write_bytes(to, BYTES_OF_ARRAY(g->last_tag));
	return writer_check(to, "record");
}

static error *write_content(const struct change *changes, size_t count, const struct store_head *head,
			    struct writer *w)
{
	write_be64(w, head->epoch);
	write_bytes(w, BYTES_OF_ARRAY(head->digest));
	for (size_t i = 0; i < count; i++) {
		write_sized(w, bytes_of_string(changes[i].name));
		write_u8(w, !changes[i].deleted);
		write_sized(w, changes[i].deleted ? BYTES_EMPTY : changes[i].value);
	}
	return writer_check(w, "record");
}

error *record_seal(const struct generation *g, const struct change *changes, size_t count,
		   const struct store_head *head, struct blob *ret)
{
	CLEANUP(writer_free) struct writer content = { .secret = true, .limit = RECORD_MAX - 1024 };
	CLEANUP(writer_free) struct writer record = { 0 }, associated = { 0 };
	TRY(write_content(changes, count, head, &content));
	TRY(associated_data(g, &associated));
	write_be32(&record, (uint32_t)(NONCE_SIZE + content.size + TAG_SIZE));
	TRY(encrypt(secret_view(&g->key), writer_view(&associated), writer_view(&content), &record));
	return blob_of_writer(&record, "record", ret);
}

void record_written(struct generation *g, bytes record)
{
	memcpy(g->last_tag, record.data + record.size - TAG_SIZE, TAG_SIZE);
	g->records++;
}

static error *read_entry(struct reader *r, struct map *to)
{
	uint32_t size = read_be32(r);
	bytes name = read_view(r, size);
	uint8_t present = read_u8(r);
	size = read_be32(r);
	bytes value = read_view(r, size);
	TRY(reader_check(r, "record"));
	if (memchr(name.data ? name.data : (const uint8_t *)"", 0, name.size))
		return error_new(ERROR_INVALID, "a name holds a NUL");
	CLEANUP_FREE char *text = strndup((const char *)name.data, name.size);
	CLEANUP(secret_free) struct secret copy = { 0 };
	TRY_ALLOC(text);
	if (!present) {
		map_remove(to, text);
		return NULL;
	}
	TRY(secret_copy(value, &copy));
	return map_put(to, text, &copy, false);
}

static error *read_content(bytes content, struct map *to, struct store_head *ret_head)
{
	struct reader r = reader_of(content);
	struct store_head head;
	head.epoch = read_be64(&r);
	read_into(&r, head.digest, sizeof head.digest);
	TRY(reader_check(&r, "record"));
	while (r.rest.size)
		TRY(read_entry(&r, to));
	*ret_head = head;
	return NULL;
}

/* A file may have grown before its bytes came: then the rest is zeros. */
static bool all_zero(bytes b)
{
	for (size_t i = 0; i < b.size; i++)
		if (b.data[i])
			return false;
	return true;
}

error *record_open(struct generation *g, bytes rest, struct map *to, struct store_head *ret_head,
		   size_t *ret_size)
{
	CLEANUP(writer_free) struct writer associated = { 0 };
	CLEANUP(secret_free) struct secret content = { 0 };
	struct reader r = reader_of(rest);
	uint32_t size = read_be32(&r);
	bytes sealed = read_view(&r, size);
	*ret_size = 0;
	if (r.failed || all_zero(rest))
		return NULL;
	TRY(associated_data(g, &associated));
	TRY_CTX(decrypt(secret_view(&g->key), writer_view(&associated), sealed, &content),
		"sealed_data, record %llu", (unsigned long long)g->records);
	TRY(read_content(secret_view(&content), to, ret_head));
	record_written(g, sealed);
	*ret_size = 4 + sealed.size;
	return NULL;
}

/* ---- sealed_key ---- */

static error *key_associated(uint8_t mode, const uint8_t *generation, struct writer *to)
{
	write_bytes(to, bytes_of(key_label, sizeof key_label));
	write_u8(to, mode);
	write_bytes(to, bytes_of(generation, GENERATION_SIZE));
	return writer_check(to, "sealed key");
}

static error *seal_binding(const struct key_binding *binding, struct writer *to)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	CLEANUP(writer_free) struct writer associated = { 0 };
	uint8_t mode = (uint8_t)binding->mode;
	TRY(derive(binding->sealing_key, BYTES_EMPTY, "marblerun key encryption v1", &key));
	TRY(key_associated(mode, binding->generation, &associated));
	write_u8(to, mode);
	write_bytes(to, BYTES_OF_ARRAY(binding->generation));
	return encrypt(secret_view(&key), writer_view(&associated), binding->state_key, to);
}

error *key_seal(const struct key_binding *bindings, size_t count, struct blob *ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_bytes(&w, BYTES_OF_ARRAY(key_magic));
	write_u8(&w, (uint8_t)count);
	for (size_t i = 0; i < count; i++)
		TRY(seal_binding(&bindings[i], &w));
	return blob_of_writer(&w, "sealed key", ret);
}

static error *open_binding(uint8_t mode, bytes sealing_key, const uint8_t *generation, bytes sealed,
			   struct secret *ret)
{
	CLEANUP(secret_free) struct secret key = { 0 };
	CLEANUP(writer_free) struct writer associated = { 0 };
	TRY(derive(sealing_key, BYTES_EMPTY, "marblerun key encryption v1", &key));
	TRY(key_associated(mode, generation, &associated));
	TRY_CTX(decrypt(secret_view(&key), writer_view(&associated), sealed, ret),
		"sealed_key can't be unsealed on this platform by this program");
	return NULL;
}

error *key_unseal(bytes file, const bytes keys[3], const uint8_t generation[GENERATION_SIZE],
		  enum sealing_mode *ret_mode, struct secret *ret)
{
	struct reader r = reader_of(file);
	bytes magic = read_view(&r, sizeof key_magic);
	uint8_t count = read_u8(&r);
	if (r.failed || !bytes_equal(magic, BYTES_OF_ARRAY(key_magic)) || !count || count > 2)
		return error_new(ERROR_DENIED, "sealed_key is none of this coordinator's, or of a later version");
	for (uint8_t i = 0; i < count; i++) {
		uint8_t mode = read_u8(&r);
		bytes bound = read_view(&r, GENERATION_SIZE);
		bytes sealed = read_view(&r, NONCE_SIZE + 32 + TAG_SIZE);
		if (r.failed)
			return error_new(ERROR_DENIED, "sealed_key is cut off");
		if (memcmp(bound.data, generation, GENERATION_SIZE) != 0)
			continue;
		if (mode < SEALED_FOR_PRODUCT || mode > SEALED_FOR_UNIQUE || !keys[mode].size)
			return error_new(ERROR_DENIED, "this platform has no sealing key of the kind that "
					 "sealed_key needs");
		TRY(open_binding(mode, keys[mode], generation, sealed, ret));
		*ret_mode = (enum sealing_mode)mode;
		return NULL;
	}
	return error_new(ERROR_DENIED, "sealed_key belongs to another sealed_data than the one that is there");
}
