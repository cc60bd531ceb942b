/* Infrastructures: which platforms marbles may run on. */
#include <openssl/evp.h>

#include "codec/hex.h"
#include "codec/timestamp.h"
#include "manifest/package.h"
#include "manifest/policy.h"
#include "manifest/policy_tee.h"
#include "manifest/tee.h"

/* ---- reading ---- */

/* These public properties were never enforced by anybody, and evidence does not have them all. An operator who
 * writes them relies on them: refused rather than ignored. Public manifests with entries that restrict nothing
 * ("Azure": {}) pass. */
static error *decode_unenforced(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	(void)value, (void)arena, (void)to;
	return refuse_unsupported(at, "not supported: this coordinator would not enforce it; FMSPC, PPID and "
				  "MinimumTCBDate are enforced");
}

static error *decode_hex_list(json_t *value, const struct place *at, struct arena *arena, struct string_list *to,
			      size_t size, size_t or_size)
{
	TRY(decode_strings(value, at, arena, to));
	for (size_t i = 0; i < to->count; i++) {
		struct place here = { at, NULL, i + 1 };
		CLEANUP(blob_free) struct blob raw = { 0 };
		TRY(refuse_for(&here, hex_decode(bytes_of_string(to->items[i]), "value", &raw)));
		if (raw.size != size && raw.size != or_size)
			return refuse(&here, "%zu bytes; %zu expected", raw.size, size);
	}
	return NULL;
}

static error *decode_fmspcs(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	return decode_hex_list(value, at, arena, to, 6, 6);
}

static error *decode_ppids(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	return decode_hex_list(value, at, arena, to, 16, 16);
}

/* 64 bytes; Turin's have 8 that count. */
static error *decode_chip_ids(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	return decode_hex_list(value, at, arena, to, 64, 8);
}

static error *decode_products(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const char *const known[] = { "Milan", "Genoa", "Turin" };
	struct string_list *list = to;
	TRY(decode_strings(value, at, arena, list));
	for (size_t i = 0; i < list->count; i++) {
		size_t k = 0;
		while (k < ARRAY_SIZE(known) && strcmp(known[k], list->items[i]) != 0)
			k++;
		if (k == ARRAY_SIZE(known))
			return refuse(at, "\"%s\": Milan, Genoa or Turin expected", shown(list->items[i]).text);
	}
	return NULL;
}

static error *decode_date(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	struct infrastructure *i = to;
	const char *text;
	TRY(decode_string(value, at, arena, &text));
	i->has_minimum_tcb_date = true;
	return refuse_for(at, timestamp_parse(bytes_of_string(text), "date", &i->minimum_tcb_date));
}

static error *decode_statuses(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	size_t count;
	return decode_status_set(value, at, arena, to, &count);
}

error *decode_infrastructure(json_t *value, const struct place *at, struct arena *arena, void *to)
{
	static const struct property properties[] = {
		PROPERTY("FMSPC", struct infrastructure, fmspcs, decode_fmspcs),
		PROPERTY("PPID", struct infrastructure, ppids, decode_ppids),
		PROPERTY("ChipID", struct infrastructure, chip_ids, decode_chip_ids),
		PROPERTY("Product", struct infrastructure, products, decode_products),
		PROPERTY("MinimumTCB", struct infrastructure, minimum_tcb, decode_snp_minimum),
		{ "MinimumTCBDate", 0, decode_date },
		PROPERTY("AcceptedTCBStatuses", struct infrastructure, statuses, decode_statuses),
		{ "UEID", 0, decode_unenforced },
		{ "CPUSVN", 0, decode_unenforced },
		{ "QESVN", 0, decode_unenforced },
		{ "PCESVN", 0, decode_unenforced },
		{ "RootCA", 0, decode_unenforced },
	};
	struct infrastructure *i = to;
	i->definition = value;
	TRY(decode_object(value, at, properties, ARRAY_SIZE(properties), arena, i));
	i->restricts = i->fmspcs.count || i->ppids.count || i->chip_ids.count || i->products.count ||
		       i->minimum_tcb.given || i->has_minimum_tcb_date || i->statuses;
	return NULL;
}

/* ---- enforcing ---- */

static bool lists(const struct string_list *list, const uint8_t *actual, size_t size)
{
	for (size_t i = 0; i < list->count; i++) {
		CLEANUP(blob_free) struct blob raw = { 0 };
		error *e = hex_decode(bytes_of_string(list->items[i]), "value", &raw);
		error_free(e);
		if (!e && raw.size <= size && memcmp(raw.data, actual, raw.size) == 0)
			return true;
	}
	return false;
}

/* A claim that the entry names and the evidence lacks is a refusal. */
static error *check_list(const char *name, const struct string_list *list, bool has, const uint8_t *actual,
			 size_t size)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	if (!list->count || (has && lists(list, actual, size)))
		return NULL;
	if (!has)
		return error_new(ERROR_DENIED, "the evidence has no %s", name);
	write_hex(&w, bytes_of(actual, size));
	CLEANUP_FREE char *text = writer_take_string(&w);
	return text ? error_new(ERROR_DENIED, "%s %s is not listed", name, text) : error_no_memory();
}

static error *check_product(const struct string_list *list, bool snp, const char *product)
{
	for (size_t i = 0; snp && i < list->count; i++)
		if (strcmp(list->items[i], product) == 0)
			return NULL;
	if (!list->count)
		return NULL;
	return error_new(ERROR_DENIED, "Product %s is not listed", snp ? product : "(none)");
}

static error *check_dates_and_status(const struct infrastructure *i, const struct marblerun_verdict *v)
{
	if (i->has_minimum_tcb_date && !v->tcb_date)
		return error_new(ERROR_DENIED, "the evidence has no TCB date");
	if (i->has_minimum_tcb_date && v->tcb_date < i->minimum_tcb_date)
		return error_new(ERROR_DENIED, "the TCB is older than MinimumTCBDate");
	if (i->statuses && !(i->statuses >> v->tcb_status & 1))
		return error_new(ERROR_DENIED, "TCB status %s is not among AcceptedTCBStatuses",
				 marblerun_tcb_status_name(v->tcb_status));
	return NULL;
}

static error *admits(const struct infrastructure *i, const struct marblerun_verdict *v)
{
	const struct marblerun_claims *c = &v->claims;
	bool snp = c->tee == MARBLERUN_TEE_SNP;
	static const uint8_t masked[64];
	bool chip = snp && !c->snp.vlek && memcmp(c->snp.chip_id, masked, sizeof masked) != 0;
	TRY(check_list("FMSPC", &i->fmspcs, !snp, c->fmspc, sizeof c->fmspc));
	TRY(check_list("PPID", &i->ppids, !snp, c->ppid, sizeof c->ppid));
	TRY(check_list("ChipID", &i->chip_ids, chip, c->snp.chip_id, sizeof c->snp.chip_id));
	TRY(check_product(&i->products, snp, c->snp.product));
	if (i->minimum_tcb.given && !snp)
		return error_new(ERROR_DENIED, "MinimumTCB is for SEV-SNP");
	if (snp)
		TRY(snp_minimum_check("MinimumTCB", &i->minimum_tcb, &c->snp.reported_tcb));
	return check_dates_and_status(i, v);
}

error *infrastructures_admit(const struct infrastructure *items, size_t count,
			     const struct marblerun_verdict *verdict)
{
	CLEANUP(writer_free) struct writer reasons = { .limit = 2000 };
	bool any = false;
	for (size_t i = 0; i < count; i++) {
		if (!items[i].restricts)
			continue;
		any = true;
		error *e = admits(&items[i], verdict);
		if (!e)
			return NULL;
		write_format(&reasons, "; \"%s\": %s", shown(items[i].name).text, error_message(e));
		error_free(e);
	}
	if (!any)
		return NULL;
	CLEANUP_FREE char *text = writer_take_string(&reasons);
	return error_new(ERROR_DENIED, "the platform is none of Infrastructures%s", text ? text : "");
}
