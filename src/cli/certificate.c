#include <openssl/pem.h>
#include <stdio.h>

#include "base/file.h"
#include "cli/session.h"

static error *write_pem(BIO *text, X509 *certificate)
{
	return PEM_write_bio_X509(text, certificate) ? NULL : error_no_memory();
}

static error *save(const struct options *options, X509 *first, X509 *second, const char *default_name)
{
	const char *path = options->output ? options->output : default_name;
	BIO *text = BIO_new(BIO_s_mem());
	char *data;
	error *e = text ? write_pem(text, first) : error_no_memory();
	if (!e && second)
		e = write_pem(text, second);
	if (!e) {
		long size = BIO_get_mem_data(text, &data);
		e = file_replace(path, bytes_of(data, (size_t)size), 0644);
	}
	BIO_free(text);
	if (!e)
		printf("Certificate written to: %s\n", path);
	return e;
}

error *run_certificate_root(const struct options *options, int count, char **arguments)
{
	CLEANUP(session_close) struct session s = { 0 };
	(void)count;
	TRY(session_verify(options, arguments[0], &s));
	return save(options, s.root, NULL, "marblerunRootCA.crt");
}

error *run_certificate_intermediate(const struct options *options, int count, char **arguments)
{
	CLEANUP(session_close) struct session s = { 0 };
	(void)count;
	TRY(session_verify(options, arguments[0], &s));
	return save(options, s.intermediate, NULL, "marblerunIntermediateCA.crt");
}

error *run_certificate_chain(const struct options *options, int count, char **arguments)
{
	CLEANUP(session_close) struct session s = { 0 };
	(void)count;
	TRY(session_verify(options, arguments[0], &s));
	return save(options, s.intermediate, s.root, "marblerunChainCA.crt");
}
