/* What this was built from; the same in all programs of a build. */
#pragma once

extern const char version_number[]; /* 0.1.0 */
extern const char version_commit[]; /* 40 digits; with "-modified" behind them or "unknown" where that is the truth */
