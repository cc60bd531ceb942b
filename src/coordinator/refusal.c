#include "coordinator/refusal.h"

#include "access/access.h"
#include "base/utf8.h"
#include "coordinator/change.h"

/* A user who only ever is refused shall not fill the log: so many entries at once, and then one for
 * each period. */
enum { BURST = 100, PERIOD_S = 60 };
/* A reason quotes names that the user chose: it goes into the log, which is kept for ever. */
enum { REASON_MAX = 300 };

static bool take_token(struct coordinator *c, int64_t now)
{
	pthread_mutex_lock(&c->lock);
	if (now > c->refusals_until)
		c->refusals_until = now;
	bool taken = c->refusals_until - now < (int64_t)BURST * PERIOD_S;
	if (taken)
		c->refusals_until += PERIOD_S;
	pthread_mutex_unlock(&c->lock);
	return taken;
}

/* At most REASON_MAX bytes, and UTF-8 whatever was quoted: an entry that can't be printed names nobody. */
static error *printable(const char *reason, struct blob *ret)
{
	CLEANUP(writer_free) struct writer w = { 0 };
	bytes rest = bytes_slice(bytes_of_string(reason), 0, REASON_MAX);
	while (rest.size) {
		size_t size;
		write_utf8(&w, utf8_decode(rest, &size));
		rest = bytes_slice(rest, size, SIZE_MAX);
	}
	return blob_of_writer(&w, "reason", ret);
}

static error *note(struct coordinator *c, bytes user_certificate, const char *what, int64_t now,
		   const char *reason)
{
	CLEANUP(change_end) struct change change = { 0 };
	CLEANUP(blob_free) struct blob text = { 0 };
	const struct user *user;
	TRY(printable(reason, &text));
	TRY(change_begin(c, &change));
	TRY(access_user(change.mesh->manifest, user_certificate, &user));
	TRY(audit_append(change.txn, now, AUDIT_OTHER, "Refused",
			 json_pack("{s:s, s:s, s:s%}", "user", user->name, "request", what, "reason",
				   text.data, text.size)));
	return change_commit(&change);
}

error *refusal_noted(struct coordinator *c, bytes user_certificate, const char *what, int64_t now,
		     error *refused)
{
	if (refused && error_code(refused) == ERROR_DENIED && take_token(c, now))
		error_free(note(c, user_certificate, what, now, error_message(refused)));
	return refused;
}
