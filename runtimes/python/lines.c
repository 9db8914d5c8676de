// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the position of an instruction to its line. Formats: Objects/lnotab_notes.txt of each
 * version, and Objects/locations.md (3.11+). The table is the target's: it may end anywhere and say
 * anything.
 */
#include <limits.h>

#include "python.h"

/*
 * A hostile table can drive the sum anywhere; a line outside of int is none. Line 0 is what 3.11+
 * says of the first instruction of a module.
 */
static int clamp(long long line, int first_line)
{
	return line >= 0 && line <= INT_MAX ? (int)line : first_line;
}

/* 2.7 to 3.9: pairs of address delta and line delta; the line holds from that address on. */
static int lnotab_line(const unsigned char *table, size_t size, bool is_signed, int first_line,
		       int at)
{
	long long line = first_line, address = 0;

	for (size_t i = 0; i + 1 < size; i += 2) {
		address += table[i];
		if (address > at)
			break;
		line += is_signed ? (signed char)table[i + 1] : table[i + 1];
	}
	return clamp(line, first_line);
}

/*
 * 3.10: pairs of length and line delta; -128 says that the range has no line, which leaves the line
 * as it was.
 */
static int linetable_line(const unsigned char *table, size_t size, int first_line, int at)
{
	long long line = first_line, start = 0, known = -1;

	for (size_t i = 0; i + 1 < size; i += 2) {
		int delta = (signed char)table[i + 1];

		line += delta == -128 ? 0 : delta;
		if (table[i] && delta != -128)
			known = line;
		start += table[i];
		if (table[i] && start > at)
			break;
	}
	return clamp(known, first_line);
}

struct reader {
	const unsigned char *next, *end;
};

/* Six bits a byte, low ones first, bit 6: more. Bit 7 is set only on the first byte of an entry. */
static unsigned read_varint(struct reader *r)
{
	unsigned value = 0;

	for (unsigned shift = 0; r->next < r->end && !(*r->next & 0x80); shift += 6) {
		unsigned byte = *r->next++;

		if (shift < 32)
			value |= (byte & 63) << shift;
		if (!(byte & 64))
			break;
	}
	return value;
}

static long long read_signed(struct reader *r)
{
	unsigned value = read_varint(r);

	return value & 1 ? -(long long)(value >> 1) : (long long)(value >> 1);
}

enum location { ONE_LINE0 = 10, ONE_LINE2 = 12, NO_COLUMNS = 13, LONG_FORM = 14, NO_LINE = 15 };

/* 3.11+: entries of a head byte 1cccclll, c its kind, l + 1 its length in code units of 2 bytes. */
static int locations_line(const unsigned char *table, size_t size, int first_line, int at)
{
	struct reader r = { table, table + size };
	long long line = first_line, start = 0, known = -1;

	while (r.next < r.end) {
		unsigned head = *r.next++, kind = head >> 3 & 15;

		if (!(head & 0x80)) /* between entries: columns, which are of no use here */
			continue;
		if (kind == NO_COLUMNS || kind == LONG_FORM)
			line += read_signed(&r);
		else if (kind >= ONE_LINE0 && kind <= ONE_LINE2)
			line += kind - ONE_LINE0;
		if (kind != NO_LINE)
			known = line;
		start += 2 * ((head & 7) + 1);
		if (start > at)
			break;
	}
	return clamp(known, first_line);
}

int python_table_line(enum python_lines format, const unsigned char *table, size_t size,
		      int first_line, int at)
{
	if (at < 0)
		return first_line;
	switch (format) {
	case PYTHON_LNOTAB_UNSIGNED:
	case PYTHON_LNOTAB:
		return lnotab_line(table, size, format == PYTHON_LNOTAB, first_line, at);
	case PYTHON_LINETABLE:
		return linetable_line(table, size, first_line, at);
	case PYTHON_LOCATIONS:
		return locations_line(table, size, first_line, at);
	}
	return first_line;
}

int python_line(const struct runtime_binary *binary, const struct code_name *code, int at)
{
	return python_table_line(binary->wire.python.layout.lines, code->lines, code->lines_size,
				 code->first_line, at);
}
