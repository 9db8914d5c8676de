/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Figures for people: three digits that count and the unit that fits. A figure is returned by
 * value, so that it can stand as an argument of printf: printf("%s\n", units_ns(ns, 9).text). Width
 * is in columns, padded on the left; 0: as it is.
 */
#ifndef SCRY_UNITS_H
#define SCRY_UNITS_H

#include <stdint.h>

struct units {
	char text[64];
};

struct units units_ns(uint64_t ns, int width);		/* "512 ns", "4.69 ms", "61.0 s", "12.5 min" */
struct units units_bytes(uint64_t bytes, int width);	/* "512 B", "21.0 kB": powers of 1000 */
struct units units_count(uint64_t count, int width);	/* "987", "48.3 k", "1.20 M" */
struct units units_grouped(uint64_t count, int width);	/* every digit: "48 311" */

/*
 * A length of time as people write it: 10, 1.5, 500ms, 2m. Units ns, us, ms, s, m (or min), h;
 * seconds where none is given. 0 or -EINVAL; *ret is untouched on error.
 */
int units_parse_seconds(const char *text, double *ret);

#endif
