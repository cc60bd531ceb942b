/* The log: its public part, and all of it with what it takes to verify it. */
#include <stdlib.h>

#include "client_api/job.h"
#include "codec/hex.h"
#include "coordinator/people.h"

enum { PAGE_MAX = 1000, EVERYTHING = 1 << 20 };

static void write_entries(struct writer *w, const struct log_page *page)
{
	write_string(w, "[");
	for (size_t i = 0; i < page->count; i++) {
		write_string(w, i ? "," : "");
		write_json_string(w, blob_view(&page->entries[i]));
	}
	write_string(w, "]");
}

static error *read_updates(struct client_api *api, struct log_page *ret)
{
	return coordinator_log(api->coordinator, 1, EVERYTHING, true, ret);
}

static void get_updates(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(log_page_free) struct log_page page = { 0 };
	CLEANUP(writer_free) struct writer data = { 0 };
	error *e = read_updates(api, &page);
	if (e) {
		jsend_error(x, e);
		return;
	}
	write_string(&data, "{\"updateLog\":");
	write_entries(&data, &page);
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}

/* Version 1: one text, a line for each entry. */
static void get_updates_v1(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(log_page_free) struct log_page page = { 0 };
	CLEANUP(writer_free) struct writer lines = { 0 }, data = { 0 };
	error *e = read_updates(api, &page);
	if (e) {
		jsend_error(x, e);
		return;
	}
	for (size_t i = 0; i < page.count; i++) {
		write_bytes(&lines, blob_view(&page.entries[i]));
		write_string(&lines, "\n");
	}
	write_json_string(&data, writer_view(&lines));
	jsend_success(x, writer_view(&data));
}

void update_get(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_FAST, get_updates);
}

void update_get_v1(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_FAST, get_updates_v1);
}

static error *read_first(struct http_exchange *x, uint64_t *ret)
{
	bytes text;
	bool found;
	uint64_t number = 0;
	TRY(http_query(x, "from", 0, &text, &found));
	for (size_t i = 0; found && i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9' || i == 18)
			return error_new(ERROR_INVALID, "invalid query: from must be a number");
		number = number * 10 + (text.data[i] - '0');
	}
	*ret = number;
	return NULL;
}

static error *read_page(struct client_api *api, struct http_exchange *x, struct log_page *ret)
{
	uint64_t first = 0;
	TRY(read_first(x, &first));
	return coordinator_log(api->coordinator, first, PAGE_MAX, false, ret);
}

static void get_log(struct client_api *api, struct http_exchange *x)
{
	CLEANUP(log_page_free) struct log_page page = { 0 };
	CLEANUP(writer_free) struct writer data = { 0 };
	error *e = read_page(api, x, &page);
	if (e) {
		jsend_error(x, e);
		return;
	}
	write_string(&data, "{");
	write_name(&data, "entries");
	write_entries(&data, &page);
	write_name(&data, "count");
	write_format(&data, "%llu", (unsigned long long)page.head.entries);
	write_name(&data, "head");
	write_string(&data, "\"");
	write_hex(&data, BYTES_OF_ARRAY(page.head.digest));
	write_string(&data, "\"");
	write_base64_member(&data, "signature", blob_view(&page.signature));
	write_string(&data, "}");
	jsend_success(x, writer_view(&data));
}

void log_get(struct client_api *api, struct http_exchange *x)
{
	job_submit(api, x, JOB_FAST, get_log);
}
