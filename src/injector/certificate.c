#include "injector/certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <time.h>

#include "base/file.h"
#include "net/tls_chain.h"

enum { PEM_SIZE_MAX = 1 << 20 };

static void bio_free(BIO *bio)
{
	BIO_free(bio);
}
DEFINE_CLEANUP(bio_free, BIO *)
DEFINE_CLEANUP(EVP_PKEY_free, EVP_PKEY *)

struct chain {
	X509 *items[TLS_CHAIN_MAX];
	size_t count;
};

static void chain_free(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		X509_free(chain->items[i]);
}
DEFINE_CLEANUP_IN_PLACE(chain_free, struct chain)

static error *mark_of(const char *path, struct file_mark *ret)
{
	struct stat s;
	if (stat(path, &s) != 0)
		return error_errno(ERROR_UNAVAILABLE, errno, "%s", path);
	*ret = (struct file_mark){ .device = s.st_dev, .inode = s.st_ino, .size = s.st_size,
				   .modified = s.st_mtim, .changed = s.st_ctim };
	return NULL;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_mark(const struct file_mark *a, const struct file_mark *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

/* As many as there are. */
static error *read_chain(const char *path, struct chain *ret)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	CLEANUP(blob_free) struct blob text = { 0 };
	size_t count = 0;
	TRY(file_read(path, PEM_SIZE_MAX, &text));
	for (bytes rest = blob_view(&text); rest.data && rest.size; count++) {
		const uint8_t *at = memmem(rest.data, rest.size, begin, sizeof begin - 1);
		if (!at)
			break;
		rest = bytes_slice(rest, (size_t)(at - rest.data) + sizeof begin - 1, SIZE_MAX);
	}
	if (count < 1 || count > TLS_CHAIN_MAX)
		return error_new(ERROR_INVALID, "%s: %zu certificates in PEM found, 1 to %d expected", path, count,
				 TLS_CHAIN_MAX);
	TRY(tls_chain_of_pem(blob_view(&text), path, count, ret->items));
	ret->count = count;
	return NULL;
}

static error *read_key(const char *path, EVP_PKEY **ret)
{
	/* An empty passphrase, so that OpenSSL does not ask on a terminal. */
	static char no_passphrase[] = "";
	CLEANUP(secret_free) struct secret text = { 0 };
	TRY(file_read_secret(path, PEM_SIZE_MAX, &text));
	CLEANUP(bio_free) BIO *bio = BIO_new_mem_buf(text.size ? (const void *)text.data : "", (int)text.size);
	TRY_ALLOC(bio);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_passphrase);
	ERR_clear_error();
	if (!key)
		return error_new(ERROR_INVALID, "%s: an unencrypted private key in PEM is expected", path);
	*ret = key;
	return NULL;
}

static int64_t end_of(const X509 *certificate)
{
	struct tm end;
	return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) ? (int64_t)timegm(&end) : 0;
}

static error *load(struct certificate_files *files)
{
	CLEANUP(chain_free) struct chain chain = { 0 };
	CLEANUP(EVP_PKEY_free) EVP_PKEY *key = NULL;
	TRY(read_chain(files->certificate_path, &chain));
	TRY(read_key(files->key_path, &key));
	if (!X509_check_private_key(chain.items[0], key)) {
		ERR_clear_error();
		return error_new(ERROR_INVALID, "%s is not the key of the certificate in %s", files->key_path,
				 files->certificate_path);
	}
	TRY(tls_server_set_identity(files->tls, chain.items, chain.count, key));
	atomic_store(&files->not_after, end_of(chain.items[0]));
	return NULL;
}

error *certificate_files_refresh(struct certificate_files *files, bool *ret_changed)
{
	struct file_mark certificate = { 0 }, key = { 0 };
	/* Before they are read: what changes meanwhile is read again next time. */
	error *e = mark_of(files->certificate_path, &certificate);
	if (!e)
		e = mark_of(files->key_path, &key);
	*ret_changed = false;
	bool same = files->tried && same_mark(&certificate, &files->certificate) && same_mark(&key, &files->key);
	files->tried = true;
	files->certificate = certificate;
	files->key = key;
	if (same) {
		error_free(e); /* was told when they went */
		return NULL;
	}
	TRY(e);
	TRY(load(files));
	*ret_changed = true;
	return NULL;
}
