#include "coordinator/running.h"

#include <openssl/sha.h>

#include "base/random.h"

/* The instances of a kind, as a sample: those whose digest is not above `limit`. While none had to be
 * given up the sample is all; later it is a known share of all, from which their number follows. */
struct running_kind {
	char *type;
	bool has_verdict;
	struct marblerun_verdict verdict; /* the newest */
	uint64_t limit;
	size_t count;
	uint64_t digests[RUNNING_SAMPLE]; /* sorted */
};

error *running_init(struct running *r)
{
	struct running made = { 0 };
	TRY(random_fill(made.key, sizeof made.key));
	made.kinds = calloc(RUNNING_KINDS_MAX, sizeof *made.kinds);
	TRY_ALLOC(made.kinds);
	*r = made;
	pthread_mutex_init(&r->lock, NULL);
	return NULL;
}

static void kind_free(struct running_kind *kind)
{
	free(kind->type);
	free(kind);
}

void running_free(struct running *r)
{
	if (!r->kinds)
		return;
	for (size_t i = 0; i < r->count; i++)
		kind_free(r->kinds[i]);
	free(r->kinds);
	pthread_mutex_destroy(&r->lock);
	*r = (struct running){ 0 };
}

/* ---- Which claims are the same ---- */

#define SAME(field) (memcmp(&(a)->field, &(b)->field, sizeof(a)->field) == 0)

static bool same_sgx(const struct marblerun_sgx_claims *a, const struct marblerun_sgx_claims *b)
{
	return SAME(mrenclave) && SAME(mrsigner) && SAME(isv_prod_id) && SAME(isv_svn) && SAME(flags) &&
	       SAME(xfrm) && SAME(misc_select) && SAME(config_id) && SAME(config_svn) && SAME(isv_ext_prod_id) &&
	       SAME(isv_family_id) && SAME(cpu_svn);
}

static bool same_tdx(const struct marblerun_tdx_claims *a, const struct marblerun_tdx_claims *b)
{
	return SAME(tee_tcb_svn) && SAME(tee_tcb_svn_2) && SAME(has_td15) && SAME(mrseam) && SAME(mrsignerseam) &&
	       SAME(seam_attributes) && SAME(td_attributes) && SAME(xfam) && SAME(mrtd) && SAME(mrconfigid) &&
	       SAME(mrowner) && SAME(mrownerconfig) && SAME(rtmr) && SAME(mrservicetd);
}

/* Not what names one guest. */
static bool same_snp(const struct marblerun_snp_claims *a, const struct marblerun_snp_claims *b)
{
	return SAME(version) && SAME(guest_svn) && SAME(vmpl) && SAME(policy) && SAME(platform_info) &&
	       SAME(family_id) && SAME(image_id) && SAME(measurement) && SAME(host_data) && SAME(id_key_digest) &&
	       SAME(author_key_digest) && SAME(chip_id) && SAME(current_tcb) && SAME(reported_tcb) &&
	       SAME(committed_tcb) && SAME(launch_tcb) && strcmp(a->product, b->product) == 0 && SAME(vlek);
}

static bool same_claims(const struct marblerun_claims *a, const struct marblerun_claims *b)
{
	if (a->tee != b->tee || a->simulated != b->simulated || a->debug != b->debug || !SAME(fmspc) || !SAME(ppid) ||
	    a->pce_id != b->pce_id)
		return false;
	switch (a->tee) {
	case MARBLERUN_TEE_SGX:
		return same_sgx(&a->sgx, &b->sgx);
	case MARBLERUN_TEE_TDX:
		return same_tdx(&a->tdx, &b->tdx);
	case MARBLERUN_TEE_SNP:
		return same_snp(&a->snp, &b->snp);
	case MARBLERUN_TEE_UNKNOWN:
		break;
	}
	return true;
}

static bool same_verdict(const struct marblerun_verdict *a, const struct marblerun_verdict *b)
{
	if (a->tcb_status != b->tcb_status || a->advisory_count != b->advisory_count)
		return false;
	for (size_t i = 0; i < a->advisory_count; i++)
		if (strcmp(a->advisories[i], b->advisories[i]) != 0)
			return false;
	return same_claims(&a->claims, &b->claims);
}

static bool is_kind(const struct running_kind *kind, const char *type, const struct marblerun_verdict *verdict)
{
	return strcmp(kind->type, type) == 0 && kind->has_verdict == (verdict != NULL) &&
	       (!verdict || same_verdict(&kind->verdict, verdict));
}

/* ---- Instances ---- */

static uint64_t digest_of(const struct running *r, const char *uuid)
{
	uint8_t input[sizeof r->key + 36] = { 0 }, digest[SHA256_DIGEST_LENGTH];
	uint64_t number;
	memcpy(input, r->key, sizeof r->key);
	memcpy(input + sizeof r->key, uuid, strnlen(uuid, 36));
	SHA256(input, sizeof input, digest);
	memcpy(&number, digest, sizeof number);
	return number;
}

/* The first that is not less. */
static size_t position(const struct running_kind *kind, uint64_t digest)
{
	size_t low = 0, high = kind->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (kind->digests[middle] < digest)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void forget(struct running_kind *kind, uint64_t digest)
{
	size_t at = position(kind, digest);
	if (at == kind->count || kind->digests[at] != digest)
		return;
	kind->count--;
	memmove(&kind->digests[at], &kind->digests[at + 1], (kind->count - at) * sizeof digest);
}

static void remember(struct running_kind *kind, uint64_t digest)
{
	size_t at = position(kind, digest);
	if (digest > kind->limit || (at < kind->count && kind->digests[at] == digest))
		return;
	if (kind->count == RUNNING_SAMPLE) { /* the sample becomes a smaller share */
		uint64_t largest = kind->digests[kind->count - 1];
		kind->limit = (digest > largest ? digest : largest) - 1;
		if (digest > largest)
			return;
		kind->count--;
	}
	memmove(&kind->digests[at + 1], &kind->digests[at], (kind->count - at) * sizeof digest);
	kind->digests[at] = digest;
	kind->count++;
}

static size_t instances(const struct running_kind *kind)
{
	if (kind->limit == UINT64_MAX)
		return kind->count;
	double share = (double)kind->limit / (double)UINT64_MAX;
	return (size_t)((double)kind->count / share + 0.5);
}

/* ---- Notes ---- */

static struct running_kind *new_kind(struct running *r, const char *type)
{
	if (r->count == RUNNING_KINDS_MAX)
		return NULL;
	struct running_kind *kind = calloc(1, sizeof *kind);
	if (!kind || !(kind->type = strdup(type))) {
		free(kind);
		return NULL;
	}
	kind->limit = UINT64_MAX;
	r->kinds[r->count++] = kind;
	return kind;
}

/* Kinds whose instances have all come again as another make room. */
static void drop_empty(struct running *r)
{
	size_t kept = 0;
	for (size_t i = 0; i < r->count; i++)
		if (r->kinds[i]->count)
			r->kinds[kept++] = r->kinds[i];
		else
			kind_free(r->kinds[i]);
	r->count = kept;
}

static void note(struct running *r, const char *type, const struct marblerun_verdict *verdict, uint64_t digest)
{
	struct running_kind *found = NULL;
	for (size_t i = 0; i < r->count; i++) {
		struct running_kind *kind = r->kinds[i];
		if (is_kind(kind, type, verdict))
			found = kind;
		else if (strcmp(kind->type, type) == 0)
			forget(kind, digest);
	}
	drop_empty(r);
	if (!found)
		found = new_kind(r, type);
	if (!found) {
		r->incomplete = true;
		return;
	}
	found->has_verdict = verdict != NULL;
	if (verdict)
		found->verdict = *verdict;
	remember(found, digest);
}

void running_note(struct running *r, const char *type, const char *uuid,
		  const struct marblerun_verdict *verdict)
{
	uint64_t digest = digest_of(r, uuid);
	pthread_mutex_lock(&r->lock);
	note(r, type, verdict, digest);
	pthread_mutex_unlock(&r->lock);
}

/* ---- Views ---- */

static error *copy_kind(const struct running_kind *kind, struct running_marble *ret)
{
	struct marblerun_verdict *verdict = NULL;
	char *type = strdup(kind->type);
	if (type && kind->has_verdict) {
		verdict = malloc(sizeof *verdict);
		if (verdict)
			*verdict = kind->verdict;
	}
	if (!type || (kind->has_verdict && !verdict)) {
		free(type);
		return error_no_memory();
	}
	*ret = (struct running_marble){ type, verdict, instances(kind), kind->limit != UINT64_MAX };
	return NULL;
}

static int compare_marbles(const void *a, const void *b)
{
	const struct running_marble *x = a, *y = b;
	return strcmp(x->type, y->type);
}

static error *look(const struct running *r, struct running_view *view)
{
	view->marbles = calloc(r->count + 1, sizeof *view->marbles);
	TRY_ALLOC(view->marbles);
	for (; view->count < r->count; view->count++)
		TRY(copy_kind(r->kinds[view->count], &view->marbles[view->count]));
	view->incomplete = r->incomplete;
	return NULL;
}

error *running_look(struct running *r, struct running_view *ret)
{
	CLEANUP(running_view_free) struct running_view view = { 0 };
	pthread_mutex_lock(&r->lock);
	error *e = look(r, &view);
	pthread_mutex_unlock(&r->lock);
	TRY(e);
	qsort(view.marbles, view.count, sizeof *view.marbles, compare_marbles);
	*ret = view;
	view = (struct running_view){ 0 };
	return NULL;
}

void running_view_free(struct running_view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		free((void *)(uintptr_t)view->marbles[i].type);
		free((void *)(uintptr_t)view->marbles[i].verdict);
	}
	free(view->marbles);
	*view = (struct running_view){ 0 };
}
