// SPDX-License-Identifier: GPL-2.0-only
#include "page.h"

#define KINDS (COLOR_MARK / COLOR_BAND)
#define SWATCH 10		/* px, and as much between two entries */
#define FOOT_TEXT 480		/* px that the rest of the foot takes: on a narrower page there is no legend beside it */

/* In the order of the bands of colour. */
static const char *const kinds[KINDS] = { "program", "interpreter", "native", "kernel" };

struct legend {
	const char *text[KINDS];
	uint32_t color[KINDS];
	size_t count;
};

/* One of the middle of a band. */
static uint32_t band_color(const struct page *page, unsigned kind)
{
	return color_rgb(page->scheme, kind * COLOR_BAND + COLOR_HUES / 2 * COLOR_SHADES + 1);
}

/*
 * The kinds that are drawn, each in a colour of its own; none where there is one alone. A palette that does not tell all of
 * them apart has no legend.
 */
static struct legend legend_of(const struct page *page)
{
	struct legend legend = { .count = 0 };
	bool drawn[KINDS] = { false };

	for (size_t i = 0; i < page->names_count; i++)
		if (page->names[i].color < COLOR_MARK)
			drawn[page->names[i].color / COLOR_BAND] = true;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		if (!drawn[kind])
			continue;
		legend.text[legend.count] = kinds[kind];
		legend.color[legend.count++] = band_color(page, kind);
	}
	for (size_t i = 1; i < legend.count; i++)
		for (size_t j = 0; j < i; j++)
			if (legend.color[i] == legend.color[j])
				return (struct legend){ .count = 0 };
	if (legend.count < 2)
		legend.count = 0;
	return legend;
}

void page_write_legend(const struct page *page, unsigned long y)
{
	struct legend legend = legend_of(page);
	double x = page->width - SWATCH, left = FOOT_TEXT;

	for (size_t i = 0; i < legend.count; i++)
		left += text_width(text_of(legend.text[i])) + 2.5 * SWATCH;
	for (size_t i = legend.count; i-- && left < page->width;) {
		x -= text_width(text_of(legend.text[i])) + 2.5 * SWATCH;
		fprintf(page->to,
			"<g class=\"still small\"><rect x=\"%.0f\" y=\"%lu\" width=\"%d\" height=\"%d\" rx=\"2\" "
			"fill=\"#%06x\"/><text x=\"%.0f\" y=\"%lu\">%s</text></g>\n", x, y - SWATCH + 1, SWATCH, SWATCH,
			legend.color[i], x + SWATCH + 4, y, legend.text[i]);
	}
}

void page_write_legend_data(const struct page *page)
{
	struct legend legend = legend_of(page);

	for (size_t i = 0; i < legend.count; i++)
		fprintf(page->to, "%s[\"%s\",\"#%06x\"]", i ? "," : "", legend.text[i], legend.color[i]);
}
