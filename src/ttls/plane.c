#include "ttls/plane.h"

struct plane plane = { .mode = PLANE_OFF, .files = HANDOVER_NONE };
