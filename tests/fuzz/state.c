/* What the host keeps for the coordinator: the sealed files, recovery data, marks. Input: a byte that says which,
 * then its content. The keys are known; what is encrypted can't be forged, what stands around it can. */
#include <string.h>

#include "coordinator/history.h"
#include "store/recovery.h"
#include "store/sealed_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[32] = { 1 };

static void sealed_data(bytes file)
{
	CLEANUP(generation_free) struct generation g = { 0 };
	struct map map = { 0 };
	struct store_head head;
	bytes public_section;
	size_t header, used = 1;
	error *e = generation_read(file, &g, &public_section, &header);
	if (!e)
		e = generation_set_key(&g, BYTES_OF_ARRAY(key));
	for (size_t at = header; !e && used; at += used)
		e = record_open(&g, bytes_slice(file, at, SIZE_MAX), &map, &head, &used);
	error_free(e);
	map_clear(&map);
}

static void sealed_key(bytes file)
{
	static const uint8_t generation[GENERATION_SIZE];
	const bytes keys[3] = { BYTES_EMPTY, BYTES_OF_ARRAY(key), BYTES_OF_ARRAY(key) };
	CLEANUP(secret_free) struct secret opened = { 0 };
	enum sealing_mode mode;
	error_free(key_unseal(file, keys, generation, &mode, &opened));
}

static void recovery_data(bytes file)
{
	CLEANUP(recovery_free) struct recovery *r = NULL;
	size_t remaining;
	error *e = recovery_begin(file, &r);
	if (!e)
		e = recovery_add(r, BYTES_OF_ARRAY(key), BYTES_OF_ARRAY(key), &remaining);
	error_free(e);
}

static void mark(bytes content)
{
	static EVP_PKEY *root_key;
	struct incarnation one = { { 0 }, 1 };
	struct history history = { &one, 1, false };
	struct store_head head = { 1, { 0 } };
	uint64_t epoch;
	if (!root_key)
		error_free(key_generate(KEY_P256, 0, &root_key));
	error_free(mark_check(content, root_key, &history, &head, &epoch));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(bytes content) = { sealed_data, sealed_key, recovery_data, mark };
	if (size)
		parsers[data[0] % 4](bytes_of(data + 1, size - 1));
	return 0;
}
