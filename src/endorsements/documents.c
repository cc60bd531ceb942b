#include "endorsements/documents.h"

#include <pthread.h>
#include <string.h>

#include "endorsements/validity.h"

/* One version of a document; the last who holds it frees it. */
struct version {
	struct document document; /* first: what callers hold is this */
	size_t holders;
};

struct entry {
	struct entry *next;
	char *url;
	struct version *version; /* NULL: none yet */
	int64_t refresh_at;      /* when a newer one is worth a fetch */
	int64_t retry_at;        /* not before, after a failure */
	int64_t used_at;
	char *failure;           /* why the last fetch failed */
	bool fetching;
};

struct documents {
	struct documents_source source;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct entry *entries;
	size_t count, refreshing; /* threads */
};

error *documents_new(const struct documents_source *source, struct documents **ret)
{
	struct documents *d = calloc(1, sizeof *d);
	TRY_ALLOC(d);
	d->source = *source;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	*ret = d;
	return NULL;
}

static void version_release(struct version *v)
{
	if (!v || --v->holders)
		return;
	blob_free(&v->document.body);
	blob_free(&v->document.chain);
	free(v);
}

static void entry_free(struct entry *e)
{
	version_release(e->version);
	free(e->failure);
	free(e->url);
	free(e);
}

void documents_free(struct documents *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	while (d->refreshing)
		pthread_cond_wait(&d->changed, &d->lock);
	pthread_mutex_unlock(&d->lock);
	for (struct entry *e = d->entries, *next; e; e = next) {
		next = e->next;
		entry_free(e);
	}
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* ---- under the lock ---- */

/* Evidence names documents: whoever sends many kinds of it must not fill the memory. */
static void drop_oldest(struct documents *d)
{
	struct entry **oldest = NULL;
	for (struct entry **at = &d->entries; *at; at = &(*at)->next)
		if (!(*at)->fetching && (!oldest || (*at)->used_at < (*oldest)->used_at))
			oldest = at;
	if (!oldest)
		return;
	struct entry *gone = *oldest;
	*oldest = gone->next;
	entry_free(gone);
	d->count--;
}

static error *find_entry(struct documents *d, const char *url, struct entry **ret)
{
	struct entry *e = d->entries;
	while (e && strcmp(e->url, url) != 0)
		e = e->next;
	if (!e) {
		if (d->count >= DOCUMENTS_MAX)
			drop_oldest(d);
		e = calloc(1, sizeof *e);
		TRY_ALLOC(e);
		e->url = strdup(url);
		if (!e->url) {
			free(e);
			return error_no_memory();
		}
		e->next = d->entries;
		d->entries = e;
		d->count++;
	}
	*ret = e;
	return NULL;
}

static void set_failure(struct entry *e, const error *failure, int64_t retry_at)
{
	free(e->failure);
	e->failure = failure ? strdup(error_message(failure)) : NULL;
	e->retry_at = retry_at;
}

static void take_version(struct entry *e, struct version *fresh, int64_t now)
{
	int64_t until = fresh->document.until, left = until - now;
	version_release(e->version);
	e->version = fresh;
	/* In the last quarter of its life. */
	e->refresh_at = until == INT64_MAX ? INT64_MAX : now + left - left / 4;
	set_failure(e, NULL, 0);
}

/* ---- fetching, without the lock ---- */

static error *fetch(struct documents *d, const struct document_name *name, int64_t now, struct version **ret)
{
	CLEANUP(blob_free) struct blob body = { 0 };
	CLEANUP(blob_free) struct blob header = { 0 };
	CLEANUP(blob_free) struct blob chain = { 0 };
	int64_t until;
	TRY(d->source.fetch(d->source.context, name, &body, &header));
	TRY_CTX(document_validity(name->kind, blob_view(&body), &until), "%s", name->url);
	if (until < now)
		return error_new(ERROR_UNAVAILABLE, "%s: the document has expired", name->url);
	if (name->chain_header) {
		TRY_CTX(header_decode(blob_view(&header), &chain), "%s: %s", name->url, name->chain_header);
		if (!chain.size)
			return error_new(ERROR_UNAVAILABLE, "%s: the header %s is missing", name->url,
					 name->chain_header);
	}
	struct version *v = calloc(1, sizeof *v);
	TRY_ALLOC(v);
	v->holders = 1;
	v->document = (struct document){ blob_take(&body), blob_take(&chain), until };
	*ret = v;
	return NULL;
}

/* Fetches for an entry that is marked so, and unmarks it. */
static void fetch_for(struct documents *d, struct entry *e, const struct document_name *name)
{
	struct version *fresh = NULL;
	int64_t now = d->source.now(d->source.context);
	error *failure = fetch(d, name, now, &fresh);
	pthread_mutex_lock(&d->lock);
	bool older = fresh && e->version && fresh->document.until < e->version->document.until;
	if (failure || older)
		set_failure(e, failure, now + (e->version ? REFRESH_RETRY_SECONDS : FAILURE_SECONDS));
	if (older)
		version_release(fresh);
	else if (fresh)
		take_version(e, fresh, now);
	e->fetching = false;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	error_free(failure);
}

struct refresh {
	struct documents *documents;
	struct entry *entry;
	struct document_name name;
	char *url;
};

static void *run_refresh(void *context)
{
	struct refresh *r = context;
	struct documents *d = r->documents;
	fetch_for(d, r->entry, &r->name);
	free(r->url);
	free(r);
	pthread_mutex_lock(&d->lock);
	d->refreshing--;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

/* Under the lock. Failing to start is failing to refresh: the old one serves on. */
static void start_refresh(struct documents *d, struct entry *e, const struct document_name *name, int64_t now)
{
	struct refresh *r = calloc(1, sizeof *r);
	char *url = strdup(name->url);
	pthread_t thread;
	pthread_attr_t detached;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (r && url) {
		*r = (struct refresh){ d, e, *name, url };
		r->name.url = url;
		e->fetching = true;
		d->refreshing++;
		if (pthread_create(&thread, &detached, run_refresh, r) == 0) {
			pthread_attr_destroy(&detached);
			return;
		}
		e->fetching = false;
		d->refreshing--;
	}
	e->retry_at = now + REFRESH_RETRY_SECONDS;
	pthread_attr_destroy(&detached);
	free(url);
	free(r);
}

static error *why_not(const struct entry *e, const char *url)
{
	return error_new(ERROR_UNAVAILABLE, "%s", e->failure ? e->failure : url);
}

/* Under the lock, which it gives up while it fetches. */
static error *get(struct documents *d, const struct document_name *name, const struct document **ret)
{
	struct entry *e = NULL;
	bool tried = false;
	for (;;) {
		int64_t now = d->source.now(d->source.context);
		TRY(find_entry(d, name->url, &e));
		e->used_at = now;
		if (e->version && now <= e->version->document.until) {
			if (now >= e->refresh_at && now >= e->retry_at && !e->fetching)
				start_refresh(d, e, name, now);
			e->version->holders++;
			*ret = &e->version->document;
			return NULL;
		}
		if (e->fetching) {
			pthread_cond_wait(&d->changed, &d->lock);
			tried = true;
			continue;
		}
		if (tried || now < e->retry_at)
			return why_not(e, name->url);
		e->fetching = true;
		pthread_mutex_unlock(&d->lock);
		fetch_for(d, e, name);
		pthread_mutex_lock(&d->lock);
		tried = true;
	}
}

error *documents_get(struct documents *d, const struct document_name *name, const struct document **ret)
{
	pthread_mutex_lock(&d->lock);
	error *e = get(d, name, ret);
	pthread_mutex_unlock(&d->lock);
	return e;
}

void documents_release(struct documents *d, const struct document *document)
{
	struct version *v = (struct version *)(uintptr_t)document;
	pthread_mutex_lock(&d->lock);
	version_release(v);
	pthread_mutex_unlock(&d->lock);
}
