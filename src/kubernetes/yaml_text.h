/* YAML (1.1, as libyaml reads it) in the shape of JSON values: what kubeconfig files and manifests are. */
#pragma once
#include "codec/json.h"

enum { YAML_DEPTH_MAX = 32 };

/* One document; none at all gives null. Refused with line and column: syntax errors, a name twice in one
 * mapping, names that are no text, aliases, tags, more than YAML_DEPTH_MAX levels, a second document.
 * `what` names the document in messages, which show nothing of its content. *ret is owned by the caller. */
error *yaml_parse(bytes text, const char *what, json_t **ret) MUST_USE;
/* Appends the value as a document in block style, with "---" in front of it. */
error *yaml_write(struct writer *w, const json_t *value) MUST_USE;
