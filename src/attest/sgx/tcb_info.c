#include "attest/sgx/tcb_info.h"

#include <stdio.h>

#include "attest/sgx/document.h"
#include "codec/json_walk.h"

static const char document[] = "TCB info";

error *tcb_outcome_read(const json_t *level, const char *what, struct tcb_outcome *ret)
{
	const char *status, *date;
	TRY(document_text(level, what, "tcbStatus", &status));
	TRY(document_text(level, what, "tcbDate", &date));
	ret->status = marblerun_tcb_status_of_name(status);
	if (ret->status == MARBLERUN_TCB_UNKNOWN)
		return error_new(ERROR_INVALID, "%s: tcbStatus \"%.40s\" is unknown", what, status);
	ret->advisories = json_object_get(level, "advisoryIDs");
	return time_of_text(date, what, &ret->date);
}

error *tcb_level_outcome(const struct tcb_level *level, struct tcb_outcome *ret)
{
	if (level->status == MARBLERUN_TCB_UNKNOWN)
		return error_new(ERROR_INVALID, "%s: the tcbStatus of the level that the platform reaches is unknown",
				 document);
	*ret = (struct tcb_outcome){ level->status, level->date, level->advisories };
	return NULL;
}

/* The 16 component SVNs of "sgxtcbcomponents" or "tdxtcbcomponents": an array in version 3; version 2 has sixteen
 * members instead, for SGX only. */
static error *read_components(const json_t *tcb, const char *array_name, uint8_t svn[16])
{
	json_t *array = json_object_get(tcb, array_name);
	if (array && json_array_size(array) != 16)
		return document_lacks(document, array_name, "an array of exactly 16");
	for (size_t i = 0; i < 16; i++) {
		char name[32];
		json_int_t value;
		snprintf(name, sizeof name, "sgxtcbcomp%02zusvn", i + 1);
		TRY(array ? document_number(json_array_get(array, i), document, "svn", 255, &value) :
			    document_number(tcb, document, name, 255, &value));
		svn[i] = (uint8_t)value;
	}
	return NULL;
}

static error *parse_level(bytes text, bool tdx, struct tcb_level *level)
{
	CLEANUP_JSON json_t *json = NULL;
	const char *status, *date;
	json_int_t pce_svn;
	TRY(json_parse(text, document, &json));
	const json_t *tcb = json_object_get(json, "tcb");
	TRY(read_components(tcb, "sgxtcbcomponents", level->sgx));
	if (tdx)
		TRY(read_components(tcb, "tdxtcbcomponents", level->tdx));
	TRY(document_number(tcb, document, "pcesvn", UINT16_MAX, &pce_svn));
	TRY(document_text(json, document, "tcbStatus", &status));
	TRY(document_text(json, document, "tcbDate", &date));
	TRY(time_of_text(date, document, &level->date));
	level->pce_svn = (uint16_t)pce_svn;
	level->status = marblerun_tcb_status_of_name(status);
	level->advisories = json_incref(json_object_get(json, "advisoryIDs"));
	return NULL;
}

static error *count_levels(bytes text, size_t *ret)
{
	struct json_walk walk;
	bytes name, value;
	bool more = true;
	size_t count = 0;
	TRY(json_walk_begin(text, '[', document, &walk));
	for (;; count++) {
		TRY(json_walk_next(&walk, &more, &name, &value));
		if (!more)
			break;
	}
	if (!count || count > LEVELS_MAX)
		return document_lacks(document, "tcbLevels", "an array of levels");
	*ret = count;
	return NULL;
}

static error *read_levels(bytes text, bool tdx, struct tcb_info *info)
{
	struct json_walk walk;
	bytes name, value;
	bool more = true;
	size_t count = 0;
	if (info->levels)
		return document_lacks(document, "tcbLevels", "one array");
	TRY(count_levels(text, &count));
	info->levels = calloc(count, sizeof *info->levels);
	TRY_ALLOC(info->levels);
	TRY(json_walk_begin(text, '[', document, &walk));
	while (info->level_count < count) {
		TRY(json_walk_next(&walk, &more, &name, &value));
		TRY(parse_level(value, tdx, &info->levels[info->level_count++]));
	}
	return NULL;
}

static error *read_member(bytes name, bytes value, struct tcb_info *info)
{
	CLEANUP_JSON json_t *parsed = NULL;
	char key[64];
	if (name.size >= sizeof key)
		return NULL; /* none that we know */
	snprintf(key, sizeof key, "%.*s", (int)name.size, (const char *)name.data);
	if (json_object_get(info->head, key))
		return error_new(ERROR_INVALID, "%s: %s is there twice", document, key);
	TRY(json_parse(value, document, &parsed));
	return json_object_set(info->head, key, parsed) == 0 ? NULL : error_no_memory();
}

error *tcb_info_read(bytes body, const char *tee, struct tcb_info *ret)
{
	CLEANUP(tcb_info_free) struct tcb_info info = { .head = json_object() };
	struct json_walk walk;
	bytes name, value;
	bool more = true, tdx = strcmp(tee, "TDX") == 0;
	TRY_ALLOC(info.head);
	TRY(json_walk_begin(body, '{', document, &walk));
	for (;;) {
		TRY(json_walk_next(&walk, &more, &name, &value));
		if (!more)
			break;
		bool levels = bytes_equal_string(name, "tcbLevels");
		TRY(levels ? read_levels(value, tdx, &info) : read_member(name, value, &info));
	}
	if (!info.level_count)
		return document_lacks(document, "tcbLevels", "an array of levels");
	*ret = info;
	info = (struct tcb_info){ 0 };
	return NULL;
}

void tcb_info_free(struct tcb_info *info)
{
	for (size_t i = 0; i < info->level_count; i++)
		json_decref(info->levels[i].advisories);
	free(info->levels);
	json_decref(info->head);
	*info = (struct tcb_info){ 0 };
}

error *tcb_info_check(const struct tcb_info *info, const char *tee, const struct pck *pck, int64_t at,
		      struct window *window)
{
	uint8_t fmspc[6], pce_id[2];
	json_int_t version, type;
	const json_t *body = info->head;
	const char *id = "SGX"; /* version 2 knows nothing else and does not say so */
	TRY(document_number(body, document, "version", 3, &version));
	if (version < 2)
		return document_lacks(document, "version", "2 or 3");
	if (version == 3)
		TRY(document_text(body, document, "id", &id));
	if (strcmp(id, tee) != 0)
		return error_new(ERROR_DENIED, "the TCB info is for %.8s, the evidence is from %s", id, tee);
	TRY(document_number(body, document, "tcbType", 0, &type));
	TRY(document_dates(body, document, at, window));
	TRY(document_hex(body, document, "fmspc", fmspc, sizeof fmspc));
	TRY(document_hex(body, document, "pceId", pce_id, sizeof pce_id));
	if (memcmp(fmspc, pck->fmspc, sizeof fmspc) != 0)
		return error_new(ERROR_DENIED, "the TCB info is for another FMSPC than the platform's");
	if ((pce_id[0] << 8 | pce_id[1]) != pck->pce_id)
		return error_new(ERROR_DENIED, "the TCB info is for another PCEID than the platform's");
	return NULL;
}

