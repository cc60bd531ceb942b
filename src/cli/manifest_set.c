#include <stdio.h>

#include "base/file.h"
#include "cli/manifest_file.h"
#include "codec/base64.h"
#include "codec/json.h"

static error *request_of(bytes manifest, json_t **ret)
{
	CLEANUP(writer_free) struct writer encoded = { 0 };
	write_base64(&encoded, manifest);
	TRY(writer_check(&encoded, "manifest"));
	*ret = json_pack("{s:s%}", "manifest", (const char *)encoded.data, encoded.size);
	TRY_ALLOC(*ret);
	return NULL;
}

/* Whoever holds these can bring the state back: the file is for its owner only. */
static error *hand_out_recovery(const struct options *options, json_t *data)
{
	CLEANUP(blob_free) struct blob text = { 0 };
	json_t *secrets = json_object_get(data, "RecoverySecrets");
	if (!json_is_object(secrets))
		return NULL;
	TRY(json_print(data, JSON_COMPACT, &text));
	if (!options->recovery_data) {
		printf("%.*s\n", (int)text.size, (const char *)text.data);
		return NULL;
	}
	TRY(file_replace(options->recovery_data, blob_view(&text), 0600));
	printf("Recovery data saved to: %s\n", options->recovery_data);
	return NULL;
}

error *run_manifest_set(const struct options *options, int count, char **arguments)
{
	CLEANUP(blob_free) struct blob manifest = { 0 };
	CLEANUP(session_close) struct session s = { 0 };
	CLEANUP_JSON json_t *request = NULL, *data = NULL;
	(void)count;
	TRY(manifest_file_read(arguments[0], &manifest));
	TRY(request_of(blob_view(&manifest), &request));
	TRY(session_verify(options, arguments[1], &s));
	TRY(session_request(&s, "/api/v2/manifest", request, &data));
	printf("Manifest successfully set\n");
	TRY(hand_out_recovery(options, data));
	return session_keep(options, &s);
}
