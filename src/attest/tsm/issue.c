/* TDX quotes and SEV-SNP reports through Linux's configfs-tsm (since 6.7). */
#include <errno.h>
#include <stdio.h>

#include "attest/issuer.h"
#include "attest/sev_guest/guest_request.h"
#include "attest/tsm/entry.h"

enum { ATTEMPTS = 8, FIRST_PAUSE_MS = 10, PRIVLEVEL_MAX = 3 };

struct tsm {
	const struct kernel *kernel;
	bool snp;            /* else TDX */
	uint32_t privlevel;  /* VMPL: the most privileged that this guest may name */
};

static error *read_provider(const struct tsm_entry *entry, bool *ret_snp)
{
	CLEANUP(blob_free) struct blob provider = { 0 };
	int number;
	TRY(tsm_read(entry, "provider", &provider, &number));
	bytes name = blob_view(&provider);
	if (name.size && name.data[name.size - 1] == '\n')
		name.size--;
	*ret_snp = bytes_equal_string(name, "sev_guest");
	if (!*ret_snp && !bytes_equal_string(name, "tdx_guest"))
		return error_new(ERROR_UNSUPPORTED, "%s/provider is \"%.*s\"; tdx_guest or sev_guest is expected",
				 entry->path, (int)(name.size < 64 ? name.size : 64), (const char *)name.data);
	return NULL;
}

/* A guest below another in privilege (behind an SVSM) can't speak for VMPL 0, the default. */
static error *read_privlevel(const struct tsm_entry *entry, uint32_t *ret)
{
	uint64_t floor = 0;
	int number = 0;
	error *e = tsm_read_number(entry, "privlevel_floor", &floor, &number);
	if (e && number == ENOENT) {
		error_free(e);
		e = NULL;
	}
	TRY(e);
	if (floor > PRIVLEVEL_MAX)
		return error_new(ERROR_UNAVAILABLE, "%s/privlevel_floor is more than %d", entry->path,
				 PRIVLEVEL_MAX);
	*ret = (uint32_t)floor;
	return NULL;
}

static error *open_tsm(const struct kernel *kernel, const char *program, void **ret_context)
{
	CLEANUP_FREE struct tsm *t = calloc(1, sizeof *t);
	CLEANUP(tsm_entry_remove) struct tsm_entry entry = { 0 };
	int number;
	(void)program;
	TRY_ALLOC(t);
	t->kernel = kernel;
	TRY(tsm_entry_make(kernel, &entry, &number));
	TRY(read_provider(&entry, &t->snp));
	if (t->snp)
		TRY(read_privlevel(&entry, &t->privlevel));
	*ret_context = TAKE(t);
	return NULL;
}

static const char *name(const void *context)
{
	return ((const struct tsm *)context)->snp ? "sev-snp" : "tdx";
}

/* What one entry gave. */
struct answer {
	struct blob report, certificates;
};

static void answer_free(struct answer *a)
{
	blob_free(&a->report);
	blob_free(&a->certificates);
}
DEFINE_CLEANUP_IN_PLACE(answer_free, struct answer)

static error *configure(const struct tsm *t, const struct tsm_entry *entry, bytes report_data,
			uint64_t *ret_writes, int *ret_errno)
{
	*ret_writes = 1;
	if (t->privlevel) {
		char level[2] = { (char)('0' + t->privlevel), '\n' };
		TRY(tsm_write(entry, "privlevel", BYTES_OF_ARRAY(level), ret_errno));
		++*ret_writes;
	}
	return tsm_write(entry, "inblob", report_data, ret_errno);
}

static error *read_certificates(const struct tsm_entry *entry, struct blob *ret, int *ret_errno)
{
	error *e = tsm_read(entry, "auxblob", ret, ret_errno);
	if (!e || *ret_errno != ENOENT) /* "visibility of this attribute depends on TSM" */
		return e;
	*ret_errno = 0;
	error_free(e);
	return NULL;
}

/* "Userspace can detect conflicts by checking generation before writing to any attribute and making
 * sure the number of writes matches expectations after reading @outblob" */
static error *check_generation(const struct tsm_entry *entry, uint64_t expected, int *ret_errno)
{
	uint64_t after;
	TRY(tsm_read_number(entry, "generation", &after, ret_errno));
	if (after == expected)
		return NULL;
	*ret_errno = EAGAIN;
	return error_new(ERROR_CONFLICT, "%s was written to by somebody else", entry->path);
}

/* *ret_errno: EBUSY or EAGAIN when it is worth another try. */
static error *ask(const struct tsm *t, bytes report_data, struct answer *ret, int *ret_errno)
{
	CLEANUP(tsm_entry_remove) struct tsm_entry entry = { 0 };
	CLEANUP(answer_free) struct answer answer = { 0 };
	uint64_t before, writes;
	TRY(tsm_entry_make(t->kernel, &entry, ret_errno));
	TRY(tsm_read_number(&entry, "generation", &before, ret_errno));
	TRY(configure(t, &entry, report_data, &writes, ret_errno));
	TRY(tsm_read(&entry, "outblob", &answer.report, ret_errno));
	if (t->snp)
		TRY(read_certificates(&entry, &answer.certificates, ret_errno));
	TRY(check_generation(&entry, before + writes, ret_errno));
	*ret = answer;
	answer = (struct answer){ 0 };
	return NULL;
}

static error *ask_until_answered(const struct tsm *t, bytes report_data, struct answer *ret)
{
	for (unsigned i = 0;; i++) {
		int number = 0;
		error *e = ask(t, report_data, ret, &number);
		bool again = e && (number == EBUSY || number == EAGAIN);
		if (!again || i + 1 == ATTEMPTS)
			return again ? error_wrap(e, "%d attempts", ATTEMPTS) : e;
		error_free(e);
		t->kernel->pause(FIRST_PAUSE_MS << i);
	}
}

static error *issue(void *context, const uint8_t report_data[64], struct blob *ret)
{
	const struct tsm *t = context;
	CLEANUP(answer_free) struct answer answer = { 0 };
	TRY(ask_until_answered(t, bytes_of(report_data, 64), &answer));
	if (t->snp)
		return snp_join_evidence(blob_view(&answer.report), blob_view(&answer.certificates), ret);
	if (!answer.report.size)
		return error_new(ERROR_UNAVAILABLE, "configfs-tsm gave an empty quote");
	*ret = blob_take(&answer.report);
	return NULL;
}

static error *sealing_key(void *context, enum sealing_kind kind, struct secret *ret)
{
	const struct tsm *t = context;
	if (t->snp)
		return snp_sealing_key(t->kernel, t->privlevel, kind, ret);
	return error_new(ERROR_UNSUPPORTED, "Intel TDX has no sealing keys: state comes back by recovery");
}

const struct issuer_kind tsm_issuer = { "configfs-tsm", tsm_present, open_tsm, name, issue, sealing_key, NULL, free };
