// SPDX-License-Identifier: GPL-2.0-only
#include "cursor.h"

static void spoil(struct cursor *cursor)
{
	cursor->bad = true;
	cursor->at = cursor->end;
}

uint64_t cursor_long_number(struct cursor *cursor)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
		unsigned char byte = *cursor->at++;

		if (shift == 63 && byte > 1)
			break;	/* more than 64 bits */
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return number;
	}
	spoil(cursor);
	return 0;
}

uint64_t cursor_below(struct cursor *cursor, uint64_t limit)
{
	uint64_t number = cursor_number(cursor);

	if (number < limit)
		return number;
	spoil(cursor);
	return 0;
}

struct cursor cursor_part(struct cursor *cursor)
{
	uint64_t size = cursor_number(cursor);
	struct cursor part = { .at = cursor->at };

	if (size > (size_t)(cursor->end - cursor->at)) {
		spoil(cursor);
		part.at = cursor->end;
		size = 0;
	}
	part.end = part.at + size;
	part.bad = cursor->bad;
	cursor->at = part.end;
	return part;
}
