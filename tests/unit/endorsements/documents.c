/* Documents of services: fetched once, kept while valid, refreshed before they expire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "endorsements/documents.h"
#include "endorsements/validity.h"

/* A service that tests rule over. */
static struct {
	pthread_mutex_t lock;
	atomic_int fetches;
	_Atomic int64_t now;
	const char *next_update, *body;
	bool fails, slow, no_header;
} service = { .lock = PTHREAD_MUTEX_INITIALIZER };

static error *fetch(void *context, const struct document_name *name, struct blob *ret_body, struct blob *ret_chain)
{
	(void)context;
	atomic_fetch_add(&service.fetches, 1);
	if (service.slow)
		usleep(50000);
	pthread_mutex_lock(&service.lock);
	bool fails = service.fails;
	char text[256];
	snprintf(text, sizeof text, "{\"tcbInfo\":{\"nextUpdate\":\"%s\"},\"signature\":\"00\"}", service.next_update);
	error *e = fails ? error_new(ERROR_UNAVAILABLE, "%s does not answer", name->url) :
			   blob_copy(bytes_of_string(service.body ? service.body : text), ret_body);
	if (!e && !service.no_header)
		e = blob_copy(bytes_of_string("-----BEGIN%20X%0A"), ret_chain);
	pthread_mutex_unlock(&service.lock);
	return e;
}

static int64_t now(void *context)
{
	(void)context;
	return service.now;
}

static const struct documents_source source = { NULL, fetch, now };
static const struct document_name name = { "https://pccs/tcb", DOCUMENT_JSON, "TCB-Info-Issuer-Chain" };
/* 2001-09-09T01:46:40Z is 1000000000. */
enum { BEGIN = 1000000000, DAY = 86400 };

static int reset(void **state)
{
	(void)state;
	service.fetches = 0;
	service.now = BEGIN;
	service.next_update = "2001-09-13T01:46:40Z"; /* four days later */
	service.body = NULL;
	service.fails = service.slow = service.no_header = false;
	return 0;
}

static struct documents *open_documents(void)
{
	struct documents *d;
	assert_null(documents_new(&source, &d));
	return d;
}

static void take(struct documents *d, const struct document_name *which)
{
	const struct document *document;
	error *e = documents_get(d, which, &document);
	if (e)
		fail_msg("%s", error_message(e));
	assert_true(bytes_equal_string(blob_view(&document->chain), "-----BEGIN X\n"));
	documents_release(d, document);
}

static void refused(struct documents *d, const char *why)
{
	const struct document *document;
	error *e = documents_get(d, &name, &document);
	assert_non_null(e);
	if (!strstr(error_message(e), why))
		fail_msg("%s", error_message(e));
	assert_int_equal(error_code(e), ERROR_UNAVAILABLE);
	error_free(e);
}

static void is_fetched_once(void **state)
{
	(void)state;
	CLEANUP(documents_free) struct documents *d = open_documents();
	for (int i = 0; i < 10; i++)
		take(d, &name);
	assert_int_equal(service.fetches, 1);
	struct document_name other = name;
	other.url = "https://pccs/other";
	take(d, &other);
	assert_int_equal(service.fetches, 2);
}

static void *ask(void *context)
{
	take(context, &name);
	return NULL;
}

static void many_who_ask_share_one_fetch(void **state)
{
	(void)state;
	CLEANUP(documents_free) struct documents *d = open_documents();
	pthread_t threads[8];
	service.slow = true;
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, d), 0);
	for (size_t i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(service.fetches, 1);
}

static void wait_for_fetches(int count)
{
	for (int i = 0; i < 200 && service.fetches < count; i++)
		usleep(5000);
	usleep(20000);
	assert_int_equal(service.fetches, count);
}

static void is_refreshed_in_the_background(void **state)
{
	(void)state;
	CLEANUP(documents_free) struct documents *d = open_documents();
	take(d, &name);
	service.now = BEGIN + 2 * DAY;
	take(d, &name);
	wait_for_fetches(1);
	service.now = BEGIN + 3 * DAY + 1;
	pthread_mutex_lock(&service.lock);
	service.next_update = "2001-09-20T01:46:40Z";
	pthread_mutex_unlock(&service.lock);
	take(d, &name);
	wait_for_fetches(2);
	service.now = BEGIN + 5 * DAY; /* the first is expired */
	take(d, &name);
	wait_for_fetches(2);
}

static void survives_a_dead_service_until_it_expires(void **state)
{
	(void)state;
	CLEANUP(documents_free) struct documents *d = open_documents();
	take(d, &name);
	pthread_mutex_lock(&service.lock);
	service.fails = true;
	pthread_mutex_unlock(&service.lock);
	service.now = BEGIN + 3 * DAY + 1;
	take(d, &name);
	wait_for_fetches(2);
	take(d, &name); /* not asked again so soon */
	wait_for_fetches(2);
	service.now = BEGIN + 4 * DAY;
	take(d, &name);
	wait_for_fetches(3);
	service.now = BEGIN + 4 * DAY + REFRESH_RETRY_SECONDS + 1;
	refused(d, "does not answer");
}

static void a_failure_is_remembered_shortly(void **state)
{
	(void)state;
	CLEANUP(documents_free) struct documents *d = open_documents();
	service.fails = true;
	refused(d, "does not answer");
	refused(d, "does not answer");
	assert_int_equal(service.fetches, 1);
	service.fails = false;
	service.now += FAILURE_SECONDS;
	take(d, &name);
	assert_int_equal(service.fetches, 2);
}

static void garbage_replaces_nothing(void **state)
{
	(void)state;
	CLEANUP(documents_free) struct documents *d = open_documents();
	service.body = "<html>";
	refused(d, "pccs/tcb");
	service.body = "{}";
	service.now += FAILURE_SECONDS;
	refused(d, "nextUpdate");
	service.body = NULL;
	service.now += FAILURE_SECONDS;
	take(d, &name);
	pthread_mutex_lock(&service.lock);
	service.body = "garbage";
	pthread_mutex_unlock(&service.lock);
	service.now = BEGIN + 3 * DAY + 1000;
	take(d, &name);
	wait_for_fetches(4);
	take(d, &name);
}

static void an_older_document_replaces_nothing(void **state)
{
	(void)state;
	CLEANUP(documents_free) struct documents *d = open_documents();
	const struct document *document;
	take(d, &name);
	pthread_mutex_lock(&service.lock);
	service.next_update = "2001-09-12T23:00:00Z";
	pthread_mutex_unlock(&service.lock);
	service.now = BEGIN + 3 * DAY + 1;
	take(d, &name);
	wait_for_fetches(2);
	assert_null(documents_get(d, &name, &document));
	assert_int_equal(document->until, BEGIN + 4 * DAY);
	documents_release(d, document);
}

static void what_has_expired_or_lacks_its_chain_is_no_document(void **state)
{
	(void)state;
	CLEANUP(documents_free) struct documents *d = open_documents();
	service.next_update = "2001-09-08T00:00:00Z";
	refused(d, "expired");
	service.next_update = "2001-09-13T01:46:40Z";
	service.no_header = true;
	service.now += FAILURE_SECONDS;
	refused(d, "TCB-Info-Issuer-Chain");
}

static void their_number_is_bounded(void **state)
{
	(void)state;
	CLEANUP(documents_free) struct documents *d = open_documents();
	char url[64];
	struct document_name many = { url, DOCUMENT_JSON, "TCB-Info-Issuer-Chain" };
	const struct document *held;
	assert_null(documents_get(d, &name, &held));
	for (int i = 0; i < DOCUMENTS_MAX + 50; i++) {
		snprintf(url, sizeof url, "https://pccs/%d", i);
		service.now++;
		take(d, &many);
	}
	assert_true(held->body.size > 0); /* dropped, but still held */
	documents_release(d, held);
	snprintf(url, sizeof url, "https://pccs/%d", DOCUMENTS_MAX + 49);
	int before = service.fetches;
	take(d, &many);
	assert_int_equal(service.fetches, before);
	take(d, &name);
	assert_int_equal(service.fetches, before + 1);
}

static void headers_are_decoded(void **state)
{
	(void)state;
	CLEANUP(blob_free) struct blob decoded = { 0 };
	assert_null(header_decode(bytes_of_string("a%20b%0Ac+d"), &decoded));
	assert_true(bytes_equal_string(blob_view(&decoded), "a b\nc+d"));
	static const char *const bad[] = { "%", "%2", "%zz", "a%" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(blob_free) struct blob none = { 0 };
		CLEANUP(error_free) error *e = header_decode(bytes_of_string(bad[i]), &none);
		assert_non_null(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(is_fetched_once, reset),
		cmocka_unit_test_setup(many_who_ask_share_one_fetch, reset),
		cmocka_unit_test_setup(is_refreshed_in_the_background, reset),
		cmocka_unit_test_setup(survives_a_dead_service_until_it_expires, reset),
		cmocka_unit_test_setup(a_failure_is_remembered_shortly, reset),
		cmocka_unit_test_setup(garbage_replaces_nothing, reset),
		cmocka_unit_test_setup(an_older_document_replaces_nothing, reset),
		cmocka_unit_test_setup(what_has_expired_or_lacks_its_chain_is_no_document, reset),
		cmocka_unit_test_setup(their_number_is_bounded, reset),
		cmocka_unit_test(headers_are_decoded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
