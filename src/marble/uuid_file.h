/* The file that makes a restarted marble the same marble: its UUID as text, as RFC 9562 writes it. */
#pragma once
#include "base/error.h"

enum { UUID_TEXT_SIZE = 37 }; /* 36 characters and a NUL */

/* Reads the UUID, in lower case; makes a random one with mode 0600 when there is no file. Refuses what
 * is no regular file (a symbolic link may lead anywhere) and what holds anything else. */
error *uuid_file_load(const char *path, char ret[UUID_TEXT_SIZE]) MUST_USE;
