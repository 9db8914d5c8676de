// SPDX-License-Identifier: GPL-2.0-only
#include "units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* Rising; the last one takes everything above it. */
struct scale {
	const char *unit;
	double size;
};

/* snprintf pads by bytes; "µ" has two of them and one column. */
static struct units pad(const char *text, int columns, int width)
{
	struct units ret;
	int spaces = width > columns ? width - columns : 0;

	snprintf(ret.text, sizeof(ret.text), "%*s%s", spaces < 20 ? spaces : 20, "", text);
	return ret;
}

static int columns_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

/*
 * Three significant digits. A value that would be rounded up to the next unit is shown in that
 * unit: 999.96 us is 1.00 ms, not 1000 us.
 */
static struct units scaled(double value, const struct scale *scales, size_t count, int width)
{
	const struct scale *s = scales;
	char text[36];
	double v;
	int digits;

	while (s < scales + count - 1 && value >= s[1].size * (1 - 0.0005))
		s++;
	v = value / s->size;
	digits = s == scales ? 0 : v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
	snprintf(text, sizeof(text), "%.*f%s%s", digits, v, *s->unit ? " " : "", s->unit);
	return pad(text, columns_of(text), width);
}

struct units units_ns(uint64_t ns, int width)
{
	static const struct scale scales[] = {
		{ "ns", 1 }, { "µs", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "min", 60e9 },
		{ "h", 3600e9 },
	};

	/* A minute and a half is easier read as 90.0 s. */
	return scaled(ns, scales, ns < 100000000000ull ? 4 : ARRAY_SIZE(scales), width);
}

struct units units_bytes(uint64_t bytes, int width)
{
	static const struct scale scales[] = {
		{ "B", 1 }, { "kB", 1e3 }, { "MB", 1e6 }, { "GB", 1e9 }, { "TB", 1e12 },
	};

	return scaled(bytes, scales, ARRAY_SIZE(scales), width);
}

struct units units_count(uint64_t count, int width)
{
	static const struct scale scales[] = {
		{ "", 1 }, { "k", 1e3 }, { "M", 1e6 }, { "G", 1e9 }, { "T", 1e12 },
	};

	return scaled(count, scales, ARRAY_SIZE(scales), width);
}

struct units units_grouped(uint64_t count, int width)
{
	char plain[24], text[36];
	int n = snprintf(plain, sizeof(plain), "%llu", (unsigned long long)count), at = 0;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			text[at++] = ' ';
		text[at++] = plain[i];
	}
	text[at] = '\0';
	return pad(text, at, width);
}

static int parse_unit(const char *unit, double *size)
{
	static const struct scale units[] = {
		{ "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "µs", 1e-6 }, { "ns", 1e-9 },
		{ "m", 60 }, { "min", 60 }, { "h", 3600 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(unit, units[i].unit)) {
			*size = units[i].size;
			return 0;
		}
	return -EINVAL;
}

int units_parse_seconds(const char *text, double *ret)
{
	size_t whole = strspn(text, "0123456789"), part = 0;
	const char *end = text + whole;
	double size;

	/* strtod alone would take "inf", "0x10" and "-1" as well. */
	if (*end == '.') {
		part = strspn(end + 1, "0123456789");
		end += 1 + part;
	}
	if (!whole && !part)
		return -EINVAL;
	if (whole > 9 || parse_unit(end, &size))
		return -EINVAL;
	*ret = strtod(text, NULL) * size;
	return 0;
}
