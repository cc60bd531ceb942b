/* Endorsements as files and as JSON: marblerun_collateral_* of marblerun/verify.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "marblerun/verify.h"

enum { FILE_SIZE_MAX = 4 << 20 };

/* The documents by the names of their files. Two names for one place: a platform has one of them. */
static const struct {
	const char *name;
	size_t offset;
} files[] = {
#define FILE_OF(name, member) { name, offsetof(struct marblerun_collateral, member) }
	FILE_OF("tcb_info.json", tcb_info),
	FILE_OF("tcb_info_issuer_chain.pem", tcb_info_issuer_chain),
	FILE_OF("qe_identity.json", qe_identity),
	FILE_OF("qe_identity_issuer_chain.pem", qe_identity_issuer_chain),
	FILE_OF("pck_crl.der", pck_crl),
	FILE_OF("pck_crl_issuer_chain.pem", pck_crl_issuer_chain),
	FILE_OF("root_ca_crl.der", root_ca_crl),
	FILE_OF("pck_chain.pem", pck_chain),
	FILE_OF("vcek.der", vcek),
	FILE_OF("vlek.der", vcek),
	FILE_OF("ask.pem", ask),
	FILE_OF("asvk.pem", ask),
	FILE_OF("ark.pem", ark),
	FILE_OF("crl.der", crl),
#undef FILE_OF
};

struct marblerun_collateral_set {
	struct marblerun_collateral collateral;
	struct blob documents[ARRAY_SIZE(files)];
};

static struct marblerun_bytes *place_of(struct marblerun_collateral *collateral, size_t file)
{
	return (struct marblerun_bytes *)((uint8_t *)collateral + files[file].offset);
}

/* Takes a document over; a second one for the same place is ambiguous. */
static error *put(marblerun_collateral_set *set, size_t file, struct blob *document)
{
	struct marblerun_bytes *place = place_of(&set->collateral, file);
	if (place->size)
		return error_new(ERROR_INVALID, "%s: there is another document in its place",
				 files[file].name);
	set->documents[file] = blob_take(document);
	*place = (struct marblerun_bytes){ set->documents[file].data, set->documents[file].size };
	return NULL;
}

static error *read_file(const char *folder, size_t file, marblerun_collateral_set *set)
{
	CLEANUP(blob_free) struct blob document = { 0 };
	CLEANUP_FREE char *path = NULL;
	if (asprintf(&path, "%s/%s", folder, files[file].name) < 0) {
		path = NULL;
		return error_no_memory();
	}
	error *e = file_read(path, FILE_SIZE_MAX, &document);
	if (e && error_code(e) == ERROR_NOT_FOUND) {
		error_free(e);
		return NULL;
	}
	TRY(e);
	return document.size ? put(set, file, &document) : NULL;
}

static error *read_folder(const char *folder, marblerun_collateral_set *set)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		TRY(read_file(folder, i, set));
	/* None at all may be: verification says what it lacks. A wrong path is a mistake. */
	if (access(folder, F_OK) != 0)
		return error_new(ERROR_NOT_FOUND, "%s: no such folder", folder);
	return NULL;
}

static error *parse_member(const char *name, const json_t *value, marblerun_collateral_set *set)
{
	CLEANUP(blob_free) struct blob document = { 0 };
	size_t i = 0;
	while (i < ARRAY_SIZE(files) && strcmp(files[i].name, name) != 0)
		i++;
	if (i == ARRAY_SIZE(files))
		return NULL; /* of a later version */
	if (!json_is_string(value))
		return error_new(ERROR_INVALID, "collateral: %s: base64 is expected", name);
	TRY_CTX(base64_decode(json_bytes(value), name, &document), "collateral");
	return document.size ? put(set, i, &document) : NULL;
}

static error *parse(bytes text, marblerun_collateral_set *set)
{
	CLEANUP_JSON json_t *json = NULL;
	const char *name;
	json_t *value;
	TRY(json_parse(text, "collateral", &json));
	if (!json_is_object(json))
		return error_new(ERROR_INVALID, "collateral: an object is expected");
	json_object_foreach(json, name, value)
		TRY(parse_member(name, value, set));
	return NULL;
}

static int finish(error *e, marblerun_collateral_set *set, marblerun_collateral_set **ret, char *reason)
{
	if (!e) {
		*ret = set;
		return 0;
	}
	snprintf(reason, MARBLERUN_REASON_SIZE, "%s", error_message(e));
	error_free(e);
	marblerun_collateral_free(set);
	return 1;
}

int marblerun_collateral_read(const char *folder, marblerun_collateral_set **ret,
			      char reason[MARBLERUN_REASON_SIZE])
{
	marblerun_collateral_set *set = calloc(1, sizeof *set);
	return finish(set ? read_folder(folder, set) : error_no_memory(), set, ret, reason);
}

int marblerun_collateral_parse(const char *json, size_t size, marblerun_collateral_set **ret,
			       char reason[MARBLERUN_REASON_SIZE])
{
	marblerun_collateral_set *set = calloc(1, sizeof *set);
	return finish(set ? parse(bytes_of(json, size), set) : error_no_memory(), set, ret, reason);
}

char *marblerun_collateral_print(const struct marblerun_collateral *collateral)
{
	struct marblerun_collateral copy = *collateral;
	CLEANUP(writer_free) struct writer w = { 0 };
	const struct marblerun_bytes *before = NULL;
	write_string(&w, "{");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const struct marblerun_bytes *place = place_of(&copy, i);
		if (!place->size || place == before)
			continue;
		before = place;
		write_format(&w, "%s\"%s\":\"", w.size > 1 ? "," : "", files[i].name);
		write_base64(&w, bytes_of(place->data, place->size));
		write_string(&w, "\"");
	}
	write_string(&w, "}");
	return writer_take_string(&w);
}

const struct marblerun_collateral *marblerun_collateral_of(const marblerun_collateral_set *set)
{
	return &set->collateral;
}

void marblerun_collateral_free(marblerun_collateral_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		blob_free(&set->documents[i]);
	free(set);
}
