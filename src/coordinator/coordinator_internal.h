/* What the files of this room share. */
#pragma once
#include <pthread.h>

#include "coordinator/audit.h"
#include "coordinator/coordinator.h"

struct coordinator {
	struct coordinator_options options;
	pthread_mutex_t lock; /* of what follows, held to take or replace it only */
	struct mesh *mesh;
	struct audit_head audit;
	int64_t refusals_until; /* see refusal.c */
	pthread_mutex_t changing; /* held by the change under way; taken before `lock` */
	struct blob first_evidence; /* over the root certificate, without a nonce */
};

/* Makes a snapshot the present one; takes it over. */
void coordinator_publish(struct coordinator *c, struct mesh *mesh);
/* The bytes of a base view as the public headers have it. */
static inline struct marblerun_bytes public_bytes(bytes b)
{
	return (struct marblerun_bytes){ b.data, b.size };
}
