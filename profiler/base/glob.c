// SPDX-License-Identifier: GPL-2.0-only
#include "glob.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * One character; *at moves behind it. A byte that begins no valid sequence is a character of its
 * own, beyond Unicode.
 */
static uint32_t next_char(const char **at)
{
	const unsigned char *s = (const unsigned char *)*at;
	int more = s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : s[0] < 0xf8 ? 3 : 0;
	uint32_t c = more ? s[0] & (0x3f >> more) : s[0];

	for (int i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			more = 0;
			break;
		}
		c = c << 6 | (s[i] & 0x3f);
	}
	if (!more)
		c = s[0] < 0x80 ? s[0] : 0x110000 + s[0];
	*at += 1 + more;
	return c;
}

static uint32_t next_literal(const char **at)
{
	if (**at == '\\' && (*at)[1])
		(*at)++;
	return next_char(at);
}

/*
 * *at stands behind the '['. False where it is never closed: then *at is untouched and nothing is
 * decided.
 */
static bool match_set(const char **at, uint32_t c, bool *in)
{
	const char *p = *at;
	bool negated = *p == '!' || *p == '^', found = false;

	p += negated;
	/* A ']' right behind the opening is a member. */
	for (const char *first = p; *p && (*p != ']' || p == first);) {
		uint32_t low = next_literal(&p), high = low;

		if (p[0] == '-' && p[1] && p[1] != ']') {
			p++;
			high = next_literal(&p);
		}
		found |= low <= c && c <= high;
	}
	if (*p != ']')
		return false;
	*at = p + 1;
	*in = found != negated;
	return true;
}

/*
 * Does the pattern's next element (not a '*') take the text's next character? Both move behind what
 * they used.
 */
static bool match_one(const char **pattern, const char **text)
{
	uint32_t c = next_char(text);
	bool in;

	if (**pattern == '?') {
		(*pattern)++;
		return true;
	}
	if (**pattern == '[') {
		(*pattern)++;
		return match_set(pattern, c, &in) ? in : c == '[';
	}
	return next_literal(pattern) == c;
}

bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL;  /* behind the last '*' */
	const char *retry = NULL; /* where the text was tried from it */

	while (*text) {
		const char *p = pattern, *t = text;

		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern && match_one(&p, &t)) {
			pattern = p;
			text = t;
		} else if (star) {
			/*
			 * Only the last '*' need take more: an earlier one could not do better than
			 * it did.
			 */
			next_char(&retry);
			text = retry;
			pattern = star;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool glob_match_file(const char *pattern, const char *path)
{
	const char *base = strrchr(path, '/');

	return glob_match(pattern, path) || (base && !strchr(pattern, '/') && glob_match(pattern, base + 1));
}
