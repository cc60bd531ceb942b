/* What the files of this room share. */
#pragma once
#include <pthread.h>

#include "coordinator/coordinator.h"

struct coordinator {
	struct coordinator_options options;
	pthread_mutex_t lock; /* of `mesh`, held to take or replace the pointer only */
	struct mesh *mesh;
	struct blob first_evidence; /* over the root certificate, without a nonce */
};

/* Makes a snapshot the present one; takes it over. */
void coordinator_publish(struct coordinator *c, struct mesh *mesh);
/* The bytes of a base view as the public headers have it. */
static inline struct marblerun_bytes public_bytes(bytes b)
{
	return (struct marblerun_bytes){ b.data, b.size };
}
