/* Documents of services, kept while they are valid and shared by all who ask.
 *
 * One that is not there is fetched once, however many ask for it at the same time. One that grows old is fetched
 * anew in the background, while the old one serves until it expires. A failure is remembered for a while. What
 * can't be parsed, or is older than what is there, replaces nothing. */
#pragma once
#include "base/blob.h"
#include "base/error.h"

enum document_kind { DOCUMENT_JSON, DOCUMENT_CRL, DOCUMENT_CERTIFICATE, DOCUMENT_CHAIN };

struct document_name {
	const char *url;
	enum document_kind kind;
	const char *chain_header; /* the header with the issuer's chain; NULL: there is none */
};
struct document {
	struct blob body, chain; /* chain: PEM */
	int64_t until;           /* last second in which it is valid */
};

struct documents_source {
	void *context;
	/* *ret_chain: the header's value, percent-encoded as it came; empty without a header. From any thread. */
	error *(*fetch)(void *context, const struct document_name *name, struct blob *ret_body,
			struct blob *ret_chain);
	int64_t (*now)(void *context);
};
struct documents;
error *documents_new(const struct documents_source *source, struct documents **ret) MUST_USE;
/* Waits for what is under way. */
void documents_free(struct documents *documents);
DEFINE_CLEANUP(documents_free, struct documents *)
/* ERROR_UNAVAILABLE. Give it back with documents_release. */
error *documents_get(struct documents *documents, const struct document_name *name,
		     const struct document **ret) MUST_USE;
void documents_release(struct documents *documents, const struct document *document);

enum { DOCUMENTS_MAX = 256, FAILURE_SECONDS = 10, REFRESH_RETRY_SECONDS = 60 };
