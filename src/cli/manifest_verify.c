/* The relying party's one command. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/manifest_file.h"
#include "cli/terminal.h"
#include "codec/hex.h"
#include "codec/json.h"

/* A file that holds a manifest, else a fingerprint in hex. */
static error *expected_fingerprint(const char *argument, uint8_t ret[32])
{
	CLEANUP(blob_free) struct blob manifest = { 0 };
	if (access(argument, F_OK) == 0) {
		TRY(manifest_file_read(argument, &manifest));
		manifest_fingerprint(blob_view(&manifest), ret);
		return NULL;
	}
	error *e = hex_decode_into(bytes_of_string(argument), "fingerprint", ret, 32);
	if (!e)
		return NULL;
	error_free(e);
	return error_new(ERROR_INVALID, "\"%s\" is neither a file nor a fingerprint of 64 hexadecimal digits",
			 argument);
}

static error *print_result(const struct options *options, const struct session *s, const uint8_t id[32])
{
	CLEANUP(writer_free) struct writer hex = { 0 };
	const struct marblerun_verdict *v = &s->verdict;
	write_hex(&hex, bytes_of(id, 32));
	write_u8(&hex, 0);
	TRY(writer_check(&hex, "fingerprint"));
	const char *status = s->verified ? marblerun_tcb_status_name(v->tcb_status) : "";
	if (!options->output) {
		printf("%s\n", paint(stdout, PAINT_GREEN, "OK"));
		printf("  manifest     %s\n", (const char *)hex.data);
		printf("  coordinator  %s%s%s\n", s->verified ? "verified, TCB status " : "NOT verified (--insecure)",
		       status, v->claims.simulated ? ", SIMULATED" : "");
		return NULL;
	}
	CLEANUP_JSON json_t *json = json_pack("{s:s, s:b, s:b, s:s, s:s}", "manifestFingerprint",
					      (const char *)hex.data, "coordinatorVerified", s->verified,
					      "simulated", v->claims.simulated, "tcbStatus", status,
					      "certificateChain", s->chain_pem);
	CLEANUP(blob_free) struct blob text = { 0 };
	TRY_ALLOC(json);
	TRY(json_print(json, JSON_INDENT(2), &text));
	printf("%.*s\n", (int)text.size, (const char *)text.data);
	return NULL;
}

error *run_manifest_verify(const struct options *options, int count, char **arguments)
{
	CLEANUP(blob_free) struct blob manifest = { 0 };
	CLEANUP(session_close) struct session s = { 0 };
	uint8_t expected[32], found[32];
	(void)count;
	TRY(expected_fingerprint(arguments[0], expected));
	TRY(session_verify(options, arguments[1], &s));
	TRY(manifest_fetch(&s, &manifest));
	manifest_fingerprint(blob_view(&manifest), found);
	if (memcmp(expected, found, sizeof expected) != 0)
		return error_new(ERROR_DENIED, "the coordinator runs another manifest than %s", arguments[0]);
	TRY(session_keep(options, &s));
	return print_result(options, &s, found);
}
