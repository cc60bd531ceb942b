/* Colour, on a terminal only, and never with NO_COLOR set. */
#pragma once
#include <stdio.h>

enum paint_colour { PAINT_RED = 31, PAINT_GREEN = 32, PAINT_YELLOW = 33 };
/* The text, coloured if `to` wants colour. Valid until the next call of the thread. */
const char *paint(FILE *to, enum paint_colour colour, const char *text);
/* "Warning: …" on standard error. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
