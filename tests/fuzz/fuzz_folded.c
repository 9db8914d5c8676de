// SPDX-License-Identifier: GPL-2.0-only
/* Folded text of any kind to an SVG; what comes out must be free of markup and of what XML forbids. */
#include "flamegraph/flame.h"
#include "flamegraph/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

/* Between the two places where the page's own text stands, '<' opens only what the writer writes. */
static void check_markup(const char *svg, const char *end)
{
	static const char *const known[] = {
		"<rect ", "<text ", "</text>", "<g", "</g>", "<title>", "</title>", "<path ",
			"<tspan ", "</tspan>", "<script ",
		"</script>",
	};

	for (; svg < end && (svg = memchr(svg, '<', end - svg)); svg++) {
		size_t i = 0;

		while (i < sizeof(known) / sizeof(known[0]) && strncmp(svg, known[i], strlen(known[i])))
			i++;
		check(i < sizeof(known) / sizeof(known[0]));
	}
}

static void check_characters(struct text_part text)
{
	size_t used;

	for (; text.length; text.bytes += used, text.length -= used) {
		uint32_t c = text_char(text, &used);

		check(c != 0xfffd || !memcmp(text.bytes, "\xef\xbf\xbd", 3) || *text.bytes == '\n');
	}
}

static void draw(struct flame *flame, const struct flame_options *options)
{
	char *svg = NULL, *begin, *end;
	size_t size = 0;
	FILE *to = open_memstream(&svg, &size);
	int err = flame_write_svg(flame, to, options);

	fclose(to);
	if (!err) {
		begin = strstr(svg, "</style>");
		check(begin && strlen(svg) == size);
		begin += strlen("</style>");
		end = strstr(begin, "<script><![CDATA[");
		check(end && size < 6000000);
		check_markup(begin, end);
		check_characters((struct text_part){ begin, end - begin });
	}
	free(svg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flame_options options = { .inverted = size & 1, .hash = size & 2,
		.width = size & 4 ? 300 : 0 };
	struct flame *flame;
	uint64_t bad;
	FILE *from;

	if (!size || flame_create(&flame))
		return 0;
	from = fmemopen((void *)data, size, "r");
	check(from && !flame_read_folded(flame, from, &bad));
	fclose(from);
	draw(flame, &options);
	flame_destroy(flame);
	return 0;
}
