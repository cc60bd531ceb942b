/* Endorsements from services: Intel's Provisioning Certification Service, version 4, or a caching service with its
 * interface (PCCS); AMD's Key Distribution Service. The connection is not trusted: what comes is signed, and
 * verified like any other endorsement. */
#pragma once
#include "attest/endorsements.h"
#include "endorsements/documents.h"

struct endorsement_service_options {
	const char *pccs; /* "https://localhost:8081"; NULL: none */
	const char *kds;  /* "https://kdsintf.amd.com"; NULL: none */
	const struct documents_source *source; /* NULL: HTTP, and the clock */
};
struct endorsement_service;
error *endorsement_service_open(const struct endorsement_service_options *options,
				struct endorsement_service **ret) MUST_USE;
void endorsement_service_close(struct endorsement_service *service);
DEFINE_CLEANUP(endorsement_service_close, struct endorsement_service *)
struct endorsements endorsement_service_use(struct endorsement_service *service);
