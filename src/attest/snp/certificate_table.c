#include "attest/snp/certificate_table.h"

#include "base/reader.h"

enum { ENTRY_SIZE = 24, ENTRIES_MAX = 64, CERTIFICATE_MAX = 16 << 10 };

static const struct known {
	uint8_t guid[16]; /* in the order of its digits (RFC 9562 section 4) */
	const char *name;
	size_t offset;
} known[] = {
#define KNOWN(member) #member, offsetof(struct snp_certificate_table, member)
	{ { 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd },
	  KNOWN(vcek) },
	{ { 0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1 },
	  KNOWN(vlek) },
	{ { 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82 },
	  KNOWN(ask) },
	{ { 0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae },
	  KNOWN(ark) },
#undef KNOWN
};

static bytes *place_of(struct snp_certificate_table *table, const struct known *k)
{
	return (bytes *)(void *)((uint8_t *)table + k->offset);
}

/* The document does not say in which order a GUID's bytes are; hosts write both: that of its digits,
 * and with the first three groups little-endian. No two of ours are confused by it. */
static bool is_guid(const uint8_t *wire, const uint8_t guid[16])
{
	const uint8_t mixed[8] = { guid[3], guid[2], guid[1], guid[0], guid[5], guid[4], guid[7], guid[6] };
	return memcmp(wire + 8, guid + 8, 8) == 0 &&
	       (memcmp(wire, guid, 8) == 0 || memcmp(wire, mixed, 8) == 0);
}

static const struct known *find(bytes guid)
{
	for (size_t i = 0; guid.size == 16 && i < ARRAY_SIZE(known); i++)
		if (is_guid(guid.data, known[i].guid))
			return &known[i];
	return NULL;
}

bool snp_certificate_table_begins(bytes raw)
{
	return find(bytes_slice(raw, 0, 16)) != NULL;
}

struct entry {
	bytes guid;
	uint32_t offset, length;
};

static bool is_end(const struct entry *e)
{
	static const uint8_t zero[16];
	return e->guid.size == 16 && memcmp(e->guid.data, zero, 16) == 0;
}

static error *take(bytes raw, const struct entry *e, const struct known *k, struct snp_certificate_table *table)
{
	bytes *place = place_of(table, k);
	if (e->length == 0 || e->length > CERTIFICATE_MAX)
		return error_new(ERROR_INVALID, "certificate table: the %s has %u bytes; 1 to %d are expected",
				 k->name, e->length, CERTIFICATE_MAX);
	if (place->size)
		return error_new(ERROR_INVALID, "certificate table: there are two of the %s", k->name);
	*place = bytes_slice(raw, e->offset, e->length);
	return NULL;
}

/* The entry's bytes lie behind the entries and within the whole. */
static error *check_range(bytes raw, const struct entry *e, size_t entries_end)
{
	if (e->offset < entries_end || e->offset > raw.size || e->length > raw.size - e->offset)
		return error_new(ERROR_INVALID, "certificate table: an entry points to %u bytes at %u; they "
				 "must lie between %zu and %zu", e->length, e->offset, entries_end, raw.size);
	return NULL;
}

static error *count_entries(bytes raw, size_t *ret)
{
	struct reader r = reader_of(raw);
	for (size_t count = 0; count < ENTRIES_MAX; count++) {
		struct entry e = { .guid = read_view(&r, 16) };
		read_view(&r, 8);
		TRY(reader_check(&r, "certificate table"));
		if (is_end(&e)) {
			*ret = count;
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "certificate table: more than %d entries", ENTRIES_MAX - 1);
}

error *snp_certificate_table_read(bytes raw, struct snp_certificate_table *ret)
{
	struct snp_certificate_table table = { 0 };
	struct reader r = reader_of(raw);
	size_t count = 0;
	if (!raw.size) {
		*ret = table;
		return NULL;
	}
	TRY(count_entries(raw, &count));
	table.size = (count + 1) * ENTRY_SIZE;
	const size_t entries_end = table.size;
	for (size_t i = 0; i < count; i++) {
		struct entry e = { .guid = read_view(&r, 16) };
		e.offset = read_le32(&r);
		e.length = read_le32(&r);
		TRY(check_range(raw, &e, entries_end));
		const struct known *k = find(e.guid);
		if (k)
			TRY(take(raw, &e, k, &table));
		if (e.offset + (size_t)e.length > table.size)
			table.size = e.offset + (size_t)e.length;
	}
	*ret = table;
	return NULL;
}

void snp_certificate_table_write(const struct snp_certificate_table *table, struct writer *w)
{
	struct snp_certificate_table copy = *table;
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		count += place_of(&copy, &known[i])->size != 0;
	if (!count)
		return;
	size_t at = (count + 1) * ENTRY_SIZE;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const bytes *certificate = place_of(&copy, &known[i]);
		if (!certificate->size)
			continue;
		write_bytes(w, BYTES_OF_ARRAY(known[i].guid));
		write_le32(w, (uint32_t)at);
		write_le32(w, (uint32_t)certificate->size);
		at += certificate->size;
	}
	write_zeros(w, ENTRY_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		write_bytes(w, *place_of(&copy, &known[i]));
}
