#include "template/tree.h"

struct location location_of(bytes text, size_t offset)
{
	struct location at = { 1, 1 };
	for (size_t i = 0; i < offset && i < text.size; i++) {
		uint8_t b = text.data[i];
		if (b == '\n')
			at = (struct location){ at.line + 1, 1 };
		else if ((b & 0xc0) != 0x80) /* bytes of UTF-8 that continue a character */
			at.column++;
	}
	return at;
}
