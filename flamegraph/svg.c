// SPDX-License-Identifier: GPL-2.0-only
#include "page.h"

#include <errno.h>
#include <string.h>

#define ROW 18.0
#define TALLEST 30000.0		/* px that all rows may take together; page.js has the same */
#define HEAD 60
#define FOOT 30

/* A line of the head, cut to the page's width; the script finds the whole in an attribute. */
static void put_line(const struct page *page, const char *id, const char *look, const char *line,
		     int y, double scale)
{
	struct text_part text = text_clip(text_of(line), 1000);
	struct text_part fitted = text_fit(text, (page->width - 40) / scale);

	fprintf(page->to, "<text id=\"%s\" class=\"still %s\" x=\"12\" y=\"%d\" data-full=\"", id, look, y);
	text_xml(page->to, text);
	fputs("\">", page->to);
	text_xml(page->to, fitted);
	fputs(fitted.length < text.length ? "\u2026</text>\n" : "</text>\n", page->to);
}

static void put_head(const struct page *page, const char *title, unsigned long height)
{
	fprintf(page->to,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
		"width=\"%.0f\" height=\"%lu\" viewBox=\"0 0 %.0f %lu\" "
		"font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\" "
		"font-size=\"12\">\n<title>", page->width, height, page->width, height);
	text_xml(page->to, text_clip(text_of(title), 1000));
	fputs("</title>\n<meta xmlns=\"http://www.w3.org/1999/xhtml\" name=\"viewport\" "
	      "content=\"width=device-width, initial-scale=1\"/>\n<style>\n", page->to);
	fputs(page_css, page->to);
	fputs("</style>\n", page->to);
	fprintf(page->to, "<rect class=\"still\" width=\"%.0f\" height=\"%lu\" fill=\"#fcfbf9\"/>\n",
		page->width, height);
	put_line(page, "heading", "title", title, 27, 1.6);
	if (page->options->subtitle)
		put_line(page, "subtitle", "small", page->options->subtitle, 47, 1);
}

/* What is drawn, and what is not: "987 samples, 34 levels; frames narrower than 0.1 px are merged". */
static void put_foot(const struct page *page, unsigned long height)
{
	unsigned long hundredths = page->layout.min_width * 100 + 0.5;

	fprintf(page->to, "<text class=\"still small\" x=\"12\" y=\"%lu\">", height - 11);
	put_amount(page, page->layout.total);
	fprintf(page->to, ", %u levels; frames narrower than %lu.%02lu px are merged</text>\n",
		page->layout.levels - 1,
		hundredths / 100, hundredths % 100);
	page_write_legend(page, height - 11);
}

static void put_page(struct page *page)
{
	const char *title = page->options->title ? page->options->title : "Flame graph";
	unsigned long height;

	page->row = page->layout.levels * ROW > TALLEST ? TALLEST / page->layout.levels : ROW;
	height = HEAD + page->layout.levels * page->row + FOOT + 0.5;
	put_head(page, title, height);
	fputs("<g id=\"frames\">\n", page->to);
	page_write_frames(page, HEAD);
	fputs("</g>\n", page->to);
	put_foot(page, height);
	fputs("<script type=\"application/json\" id=\"data\">", page->to);
	page_write_data(page);
	fputs("</script>\n<script><![CDATA[\n", page->to);
	fputs(page_js, page->to);
	fputs("]]></script>\n</svg>\n", page->to);
}

int flame_write_svg(struct flame *flame, FILE *to, const struct flame_options *options)
{
	struct page page;
	int err = page_open(&page, flame, options, to);

	if (err)
		return err;
	errno = 0;
	put_page(&page);
	page_close(&page);
	if (fflush(to) || ferror(to))
		return errno ? -errno : -EIO;
	return 0;
}
