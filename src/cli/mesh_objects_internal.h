/* Parts of an installation. Each function gives a new value, or NULL when there is no memory. */
#pragma once
#include "cli/mesh_objects.h"

#define INJECTOR_CERTIFICATES "marble-injector-webhook-certs"
enum { INJECTOR_PORT = 8443 };

/* The labels of everything, those by which pods are found, and both. */
json_t *mesh_labels(const struct mesh_settings *s, const char *component, const char *name);
json_t *mesh_selector(const struct mesh_settings *s, const char *component);
json_t *mesh_plane_labels(const struct mesh_settings *s, const char *component, const char *name, const char *plane);
/* Takes the labels over. */
json_t *mesh_metadata(const struct mesh_settings *s, const char *name, json_t *labels);

json_t *mesh_coordinator(const struct mesh_settings *s);
json_t *mesh_injector(const struct mesh_settings *s);
json_t *mesh_injector_service(const struct mesh_settings *s);
json_t *mesh_webhook(const struct mesh_settings *s, const struct webhook_identity *identity);
json_t *mesh_webhook_secret(const struct mesh_settings *s, const struct webhook_identity *identity);
