/* TCB infos and identities behind their signatures: what a signer of platforms can make a verifier read. A platform
 * that reaches a level still reaches one when it is newer. */
#include <stdlib.h>

#include "attest/sgx/signed_json.h"
#include "attest/sgx/tcb.h"
#include "attest/tdx/tcb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pck oldest, old = { .component_svn = { 3, 3, 3, 3, 3, 3, 3, 3 }, .pce_svn = 11 };
#define FOUR_TIMES(n) n, n, n, n
static const struct pck newest = { .component_svn = { FOUR_TIMES(255), FOUR_TIMES(255), FOUR_TIMES(255),
						      FOUR_TIMES(255) }, .pce_svn = UINT16_MAX };
static const uint8_t td_svn[16] = { 5, 1, 2 };
static const uint8_t newest_td_svn[16] = { 255, 1, 255, 255, FOUR_TIMES(255), FOUR_TIMES(255), FOUR_TIMES(255) };

/* Is there a level? One of unknown status is one. */
static bool reached(error *e)
{
	bool found = !e || error_code(e) != ERROR_DENIED;
	error_free(e);
	return found;
}

static void read_outcome(error *e, const struct tcb_outcome *outcome)
{
	static struct marblerun_verdict verdict;
	verdict.advisory_count = 0;
	if (!e)
		error_free(verdict_add(&verdict, outcome));
	error_free(e);
}

static void match_sgx(const struct tcb_info *info)
{
	struct tcb_outcome outcome;
	bool by_old = reached(tcb_info_match_sgx(info, &old, &outcome));
	if ((by_old || reached(tcb_info_match_sgx(info, &oldest, &outcome))) &&
	    !reached(tcb_info_match_sgx(info, &newest, &outcome)))
		abort();
	error *e = tcb_info_match_sgx(info, &old, &outcome);
	read_outcome(e, &outcome);
}

static void match_tdx(const struct tcb_info *info)
{
	struct tdx_outcome outcome;
	const struct marblerun_tdx_claims claims = { .tee_tcb_svn = { 5, 1, 2 } };
	error_free(tdx_module_check(info, &claims));
	bool by_old = reached(tdx_match(info, &old, td_svn, &outcome));
	if (by_old && !reached(tdx_match(info, &newest, newest_td_svn, &outcome)))
		abort();
	error *e = tdx_match(info, &old, td_svn, &outcome);
	read_outcome(e, &outcome.platform);
}

static void read_info(bytes body, const char *tee)
{
	CLEANUP(tcb_info_free) struct tcb_info info = { 0 };
	struct window window = WINDOW_UNLIMITED;
	error *e = tcb_info_read(body, tee, &info);
	if (!e) {
		error_free(tcb_info_check(&info, tee, &old, 0, &window));
		if (tee[0] == 'S')
			match_sgx(&info);
		else
			match_tdx(&info);
	}
	error_free(e);
}

static void read_identity(bytes body)
{
	static const struct sgx_report report;
	CLEANUP_JSON json_t *identity = NULL;
	struct window window = WINDOW_UNLIMITED;
	struct tcb_outcome outcome;
	error *e = json_parse(body, "QE identity", &identity);
	if (!e) {
		error_free(qe_identity_check(identity, "QE", &report, 0, &window));
		read_outcome(qe_identity_match(identity, 8, &outcome), &outcome);
	}
	error_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct signed_json document;
	error *e = signed_json_read(bytes_of(data, size), "tcbInfo", "TCB info", &document);
	if (!e) {
		read_info(document.body, "SGX");
		read_info(document.body, "TDX");
	}
	error_free(e);
	e = signed_json_read(bytes_of(data, size), "enclaveIdentity", "QE identity", &document);
	if (!e)
		read_identity(document.body);
	error_free(e);
	return 0;
}
