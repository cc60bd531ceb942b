/* Reviews of the Kubernetes API server (admission.k8s.io/v1): one comes in, one goes out. No I/O. */
#pragma once
#include "injector/inject.h"

/* An API server takes requests of at most 3 MiB; in a review they stand with what it has filled in, and as JSON. */
enum { REVIEW_SIZE_MAX = 8 << 20 };
/* Two bytes of text can be an object that takes hundreds in memory. More than these no pod of 3 MiB has. */
enum { REVIEW_CONTAINERS_MAX = 150000, REVIEW_VALUES_MAX = 1000000 };

enum review_outcome {
	REVIEW_INJECTED,
	REVIEW_UNCHANGED, /* the pod stays as it is */
	REVIEW_REFUSED,   /* the pod must not be made: `message` */
};
enum { REVIEW_OUTCOMES = REVIEW_REFUSED + 1 };
/* "injected", …: for logs and metrics. */
const char *review_outcome_name(enum review_outcome outcome);

struct review_answer {
	struct blob body; /* an AdmissionReview */
	enum review_outcome outcome;
	/* For the log. Of strangers: cut where they are long. */
	char uid[64], namespace[64], name[128], type[64];
	char message[512]; /* why it was refused, or what the maker of the pod is warned of; else empty */
};
void review_answer_free(struct review_answer *a);
DEFINE_CLEANUP_IN_PLACE(review_answer_free, struct review_answer)

/* ERROR_INVALID: this is no review that could be answered. Whatever is wrong with the pod, or with what is asked of
 * it, is an answer. */
error *review_answer(const struct injection_rules *rules, bytes review, struct review_answer *ret) MUST_USE;
