#include "base/version.h"

#include "base/commit.h"

const char version_number[] = MARBLERUN_VERSION;
const char version_commit[] = MARBLERUN_COMMIT;
