/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of flame graphs: folded text in, the SVG as a string. */
#ifndef TESTS_FLAME_TEXT_H
#define TESTS_FLAME_TEXT_H

#include "flamegraph/flame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the above */
#include <cmocka.h>

static inline struct flame *flame_of(const char *text, size_t length, uint64_t *bad)
{
	FILE *from = length ? fmemopen((void *)text, length, "r") : fopen("/dev/null", "r");
	struct flame *flame;

	assert_non_null(from);
	assert_int_equal(flame_create(&flame), 0);
	assert_int_equal(flame_read_folded(flame, from, bad), 0);
	fclose(from);
	return flame;
}

/* The caller frees it. */
static inline char *svg_with(struct flame *flame, const struct flame_options *options)
{
	char *svg = NULL;
	size_t size;
	FILE *to = open_memstream(&svg, &size);

	assert_int_equal(flame_write_svg(flame, to, options), 0);
	fclose(to);
	return svg;
}

static inline char *svg_of(const char *folded)
{
	const struct flame_options options = { 0 };
	uint64_t bad;
	struct flame *flame = flame_of(folded, strlen(folded), &bad);
	char *svg = svg_with(flame, &options);

	assert_int_equal(bad, 0);
	flame_destroy(flame);
	return svg;
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is missing", part);
}

static inline void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is there", part);
}

/* Folded text is drawn with a tooltip that says this. */
static inline void assert_draws(const char *folded, const char *tooltip)
{
	char *svg = svg_of(folded), whole[512];

	snprintf(whole, sizeof(whole), "<title>%s of all</title>", tooltip);
	assert_has(svg, whole);
	free(svg);
}

#endif
