#include "attest/window.h"

#include <time.h>

error *time_of_asn1(const ASN1_TIME *time, const char *what, int64_t *ret)
{
	struct tm parts;
	if (!time || !ASN1_TIME_to_tm(time, &parts))
		return error_new(ERROR_INVALID, "%s has a date that can't be read", what);
	*ret = timegm(&parts);
	return NULL;
}

error *time_of_text(const char *text, const char *what, int64_t *ret)
{
	struct tm parts = { 0 };
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
	if (!rest || rest[0] != 'Z' || rest[1])
		return error_new(ERROR_INVALID, "%s: \"%.40s\" is no time like 2025-01-31T12:00:00Z", what,
				 text ? text : "");
	*ret = timegm(&parts);
	return NULL;
}

error *window_narrow(struct window *w, int64_t from, int64_t until, int64_t at, const char *what)
{
	if (at < from)
		return error_new(ERROR_DENIED, "the %s is not valid yet at the time of verification", what);
	if (at > until)
		return error_new(ERROR_DENIED, "the %s is expired at the time of verification", what);
	w->from = from > w->from ? from : w->from;
	w->until = until < w->until ? until : w->until;
	return NULL;
}
