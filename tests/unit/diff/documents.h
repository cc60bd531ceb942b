/* The manifest that the tests begin with, and changes to it. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "diff/diff.h"
#include "manifest/parse.h"

/* manifest.json, others.json or cases.json. */
json_t *document(const char *name);
void documents_at(const char *folder);
/* JSON Merge Patch (RFC 7386). */
void merge_patch(json_t *target, json_t *patch);
/* NULL when the parser refuses it. */
struct manifest *try_manifest(json_t *json);
struct manifest *manifest_of(json_t *json);
