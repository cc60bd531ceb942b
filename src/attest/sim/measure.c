#include "attest/sim/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/reader.h"
#include "codec/hex.h"

/* No other hash of ours begins like this; the content follows to the end, so the encoding is
 * injective. */
static const char label[] = "marblerun simulated measurement 1";

static error *hash_file(int descriptor, const char *program, uint8_t ret[32])
{
	uint8_t chunk[16384];
	ssize_t got = -1;
	unsigned size = 32;
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool good = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) &&
		    EVP_DigestUpdate(hash, label, sizeof label);
	while (good && (got = read(descriptor, chunk, sizeof chunk)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		good = got > 0 && EVP_DigestUpdate(hash, chunk, (size_t)got);
	}
	good = good && EVP_DigestFinal_ex(hash, ret, &size);
	EVP_MD_CTX_free(hash);
	return good ? NULL : error_errno(ERROR_UNAVAILABLE, errno, "reading %s", program);
}

static error *record_name(const uint8_t unique_id[32], char **ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	write_string(&w, SIM_PROGRAMS "/");
	write_hex(&w, bytes_of(unique_id, 32));
	*ret = writer_take_string(&w);
	TRY_ALLOC(*ret);
	return NULL;
}

/* A signing record: product id, security version, debug. */
static error *read_record(const char *folder, struct marblerun_sim_program *p)
{
	CLEANUP(blob_free) struct blob record = { 0 };
	CLEANUP_FREE char *name = NULL;
	TRY(record_name(p->unique_id, &name));
	error *e = sim_read(folder, name, &record);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		p->product_id = p->security_version = 1;
		p->debug = false;
		return NULL;
	}
	TRY(e);
	struct reader r = reader_of(blob_view(&record));
	p->product_id = read_be16(&r);
	p->security_version = read_be16(&r);
	p->debug = read_u8(&r);
	return reader_finish(&r, name);
}

error *sim_measure(const char *folder, const char *program, struct marblerun_sim_program *ret)
{
	struct marblerun_sim_program p = { 0 };
	int descriptor = open(program, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return error_errno(ERROR_NOT_FOUND, errno, "opening %s", program);
	error *e = hash_file(descriptor, program, p.unique_id);
	close(descriptor);
	TRY(e);
	TRY(sim_signer_id(folder, p.signer_id));
	TRY(read_record(folder, &p));
	*ret = p;
	return NULL;
}

static int report(error *e, char *reason)
{
	if (!e)
		return 0;
	snprintf(reason, MARBLERUN_REASON_SIZE, "%s", error_message(e));
	error_free(e);
	return 1;
}

int marblerun_sim_measure(const char *folder, const char *program, struct marblerun_sim_program *ret,
			  char reason[MARBLERUN_REASON_SIZE])
{
	return report(sim_measure(folder, program, ret), reason);
}

static error *sign_program(const char *folder, const char *program, uint16_t product_id,
			   uint16_t security_version, bool debug)
{
	CLEANUP(writer_free) struct writer record = { 0 };
	CLEANUP_FREE char *name = NULL;
	struct marblerun_sim_program p;
	TRY(sim_measure(folder, program, &p));
	TRY(record_name(p.unique_id, &name));
	write_be16(&record, product_id);
	write_be16(&record, security_version);
	write_u8(&record, debug);
	TRY(writer_check(&record, name));
	return sim_write(folder, name, writer_view(&record), 0644);
}

int marblerun_sim_sign(const char *folder, const char *program, uint16_t product_id,
		       uint16_t security_version, bool debug, char reason[MARBLERUN_REASON_SIZE])
{
	return report(sign_program(folder, program, product_id, security_version, debug), reason);
}
