/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading what buffer.h wrote, from bytes that may be hostile: nothing is read past the end. A read
 * that cannot be had sets `bad`, gives 0 and moves to the end, so that a loop over a cursor always
 * ends and one look at `bad` after it is enough.
 */
#ifndef SCRY_CURSOR_H
#define SCRY_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const unsigned char *at, *end;
	bool bad;
};

static inline struct cursor cursor_over(const void *bytes, size_t size)
{
	return (struct cursor){ .at = bytes, .end = (const unsigned char *)bytes + size };
}

static inline bool cursor_more(const struct cursor *cursor)
{
	return cursor->at < cursor->end;
}

uint64_t cursor_long_number(struct cursor *cursor);

static inline uint64_t cursor_number(struct cursor *cursor)
{
	if (cursor->at < cursor->end && *cursor->at < 0x80)
		return *cursor->at++;
	return cursor_long_number(cursor);
}

static inline int64_t cursor_signed(struct cursor *cursor)
{
	uint64_t number = cursor_number(cursor);

	return (int64_t)(number >> 1 ^ -(number & 1));
}

/* A number below limit; anything else is bad. */
uint64_t cursor_below(struct cursor *cursor, uint64_t limit);

/* The bytes of a text or of a nested record, preceded by their size. */
struct cursor cursor_part(struct cursor *cursor);

#endif
