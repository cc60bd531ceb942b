/* What the coordinator said of its state when this marble was last let in, beside the UUID file. The host can
 * remove it, which says nothing; it can't make one up, which the coordinator would notice. */
#pragma once
#include "base/blob.h"

/* Empty when there is none that can be read. */
error *mark_file_load(const char *uuid_file, struct blob *ret) MUST_USE;
/* Does nothing for an empty mark (of a coordinator that gives none). */
error *mark_file_store(const char *uuid_file, bytes mark) MUST_USE;
