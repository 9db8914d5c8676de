// SPDX-License-Identifier: GPL-2.0-only
/* Statistics as a table for people: figures left, the name last and fitted to the width. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/units.h"
#include "function_text.h"
#include "stat.h"

#define LEAST_NAME    20 /* cells for a name, however narrow the terminal is */
#define WIDE	      96 /* columns from which on less important figures are shown */
#define BAR	      40
#define CAUSES	      10
#define EXACT_COUNT   10000000 /* counts up to here show every digit */

#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

typedef struct units figure(const struct statistics *s, const struct stat_row *row, int width);

static struct units count_of(uint64_t n, int width)
{
	return n < EXACT_COUNT ? units_grouped(n, width) : units_count(n, width);
}

static struct units calls(const struct statistics *s, const struct stat_row *row, int width)
{
	return count_of(row->calls, width);
}

static struct units resumes(const struct statistics *s, const struct stat_row *row, int width)
{
	return count_of(row->resumes, width);
}

static struct units errors(const struct statistics *s, const struct stat_row *row, int width)
{
	return units_count(row->errors, width);
}

/* Of a row about collections: "step" or "full", NULL: not Lua's. */
static const char *work_of(const struct stat_row *row)
{
	return event_gc_work((int64_t)row->key.number - 1);
}

static struct units collected(const struct statistics *s, const struct stat_row *row, int width)
{
	struct units unknown;

	if (work_of(row)) {
		snprintf(unknown.text, sizeof(unknown.text), "%*s", width, "-");
		return unknown;
	}
	return count_of(row->collected, width);
}

static struct units total(const struct statistics *s, const struct stat_row *row, int width)
{
	return units_ns(row->total_ns, width);
}

static struct units own(const struct statistics *s, const struct stat_row *row, int width)
{
	return units_ns(row->own_ns, width);
}

static struct units mean(const struct statistics *s, const struct stat_row *row, int width)
{
	return units_ns(stat_row_mean(row), width);
}

static struct units p50(const struct statistics *s, const struct stat_row *row, int width)
{
	return units_ns(stat_row_quantile(row, 0.5), width);
}

static struct units p99(const struct statistics *s, const struct stat_row *row, int width)
{
	return units_ns(stat_row_quantile(row, 0.99), width);
}

static struct units longest(const struct statistics *s, const struct stat_row *row, int width)
{
	return units_ns(row->max_ns, width);
}

static struct units percent(double part, double whole, int width)
{
	struct units ret;

	snprintf(ret.text, sizeof(ret.text), "%*.2f%%", width - 1, whole > 0 ? 100 * part / whole : 0);
	return ret;
}

static struct units of_wall(const struct statistics *s, const struct stat_row *row, int width)
{
	return percent((double)row->total_ns, (double)s->duration_ns, width);
}

static struct units generation(const struct statistics *s, const struct stat_row *row, int width)
{
	struct units work;

	if (!work_of(row))
		return row->key.number ? units_grouped(row->key.number - 1, width) : (struct units){ "   ?" };
	snprintf(work.text, sizeof(work.text), "%*s", width, work_of(row));
	return work;
}

static struct units waits(const struct statistics *s, const struct stat_row *row, int width)
{
	return count_of(row->waits, width);
}

static struct units waited(const struct statistics *s, const struct stat_row *row, int width)
{
	return units_ns(row->wait_ns, width);
}

static struct units wait_p99(const struct statistics *s, const struct stat_row *row, int width)
{
	return units_ns(stat_row_wait_quantile(row, 0.99), width);
}

/* What a row is about, in so many cells. 0 or -ENOMEM. */
typedef int name(const struct statistics *s, const struct stat_row *row, unsigned cells, bool bold);

static int put_function(const struct statistics *s, const struct stat_row *row, unsigned cells, bool bold)
{
	const struct codebook_function *f = codebook_function(s->watch.book, row->key.function);
	char running[80] = "";
	unsigned taken;
	int err;

	if (row->running)
		snprintf(running, sizeof(running), "  %s running", units_grouped(row->running, 0).text);
	taken = (unsigned)strlen(running);
	err = function_text_put(s->options->to, f->name, f->file, row->key.line ? (int)row->key.line : f->line,
				cells > taken + LEAST_NAME ? cells - taken : LEAST_NAME,
				!s->options->color ? FUNCTION_TEXT_PLAIN : bold ? FUNCTION_TEXT_BOLD : FUNCTION_TEXT_COLOR);
	fputs(running, s->options->to);
	return err;
}

static int put_text(const struct statistics *s, const struct stat_row *row, unsigned cells, bool bold)
{
	_cleanup_free_ char *fit = escape_fit(stat_rows_text(&s->rows, row), cells);

	fputs(fit ?: "", s->options->to);
	return fit ? 0 : -ENOMEM;
}

static int put_exception(const struct statistics *s, const struct stat_row *row, unsigned cells, bool bold)
{
	_cleanup_free_ char *fit = escape_fit(stat_rows_text(&s->rows, row), cells / 2);
	unsigned taken = fit ? escape_width(fit) : 0;

	fprintf(s->options->to, "%s in ", fit ?: "");
	return fit ? put_function(s, row, cells - taken - 4, bold) : -ENOMEM;
}

static int put_thread(const struct statistics *s, const struct stat_row *row, unsigned cells, bool bold)
{
	_cleanup_free_ char *fit = escape_fit(row->name ? intern_text(&s->causes.texts, row->name) : "", cells);

	fprintf(s->options->to, "%s (tid %" PRIu32 ")", fit ?: "", row->key.number);
	return fit ? 0 : -ENOMEM;
}

struct column {
	const char *head;
	int width;
	bool wide; /* only on a wide terminal */
	figure *figure;
};

#define GIL_COLUMNS                                                                                                            \
	{ "holds", 9, false, calls }, { "held", 8, false, total }, { "p99", 8, false, p99 }, { "waits", 9, false, waits },     \
	{ "waited", 8, false, waited }, { "p99", 8, false, wait_p99 }

struct kind {
	struct column columns[9];
	const char *name_head;
	name *name;
	enum stat_sort sort;
};

static const struct kind gil_threads = { { GIL_COLUMNS }, "thread", put_thread, STAT_SORT_TOTAL };

static const struct kind kinds[SCRY_EVENT_COUNT] = {
	[SCRY_EVENT_CALL] = { { { "calls", 9, false, calls }, { "errors", 6, false, errors }, { "total", 7, false, total },
				{ "own", 7, false, own }, { "mean", 7, false, mean }, { "p50", 7, true, p50 },
				{ "p99", 7, false, p99 }, { "max", 7, false, longest } },
			      "function", put_function, STAT_SORT_TOTAL },
	[SCRY_EVENT_LINE] = { { { "count", 12, false, calls } }, "line", put_function, STAT_SORT_CALLS },
	[SCRY_EVENT_GC] = { { { "gen", 4, false, generation }, { "count", 9, false, calls }, { "total", 8, false, total },
			      { "mean", 8, false, mean }, { "p99", 8, false, p99 }, { "max", 8, false, longest },
			      { "of wall", 8, false, of_wall }, { "collected", 10, false, collected } },
			    NULL, NULL, STAT_SORT_TOTAL },
	[SCRY_EVENT_IMPORT] = { { { "count", 7, false, calls }, { "own", 8, false, own }, { "total", 8, false, total } },
				"module", put_text, STAT_SORT_OWN },
	[SCRY_EVENT_EXCEPTION] = { { { "count", 9, false, calls } }, "exception", put_exception, STAT_SORT_CALLS },
	[SCRY_EVENT_AUDIT] = { { { "count", 9, false, calls } }, "audit event", put_text, STAT_SORT_CALLS },
	[SCRY_EVENT_GIL] = { { GIL_COLUMNS }, "function", put_function, STAT_SORT_TOTAL },
};

/* Where only the beginnings of calls are looked at. */
static const struct kind counted_calls = { { { "calls", 12, false, calls }, { "resumes", 9, false, resumes } }, "function",
					   put_function, STAT_SORT_CALLS };

static bool is_shown(const struct column *column, unsigned width)
{
	return column->head && (!column->wide || width >= WIDE);
}

static void put_head(const struct statistics *s, const struct kind *kind, unsigned width)
{
	for (const struct column *c = kind->columns; c->head; c++)
		if (is_shown(c, width))
			fprintf(s->options->to, "%*s ", c->width, c->head);
	fprintf(s->options->to, "%s%s\n", kind->name ? "  " : "", kind->name_head ?: "");
}

static int put_row(const struct statistics *s, const struct kind *kind, const struct stat_row *row, unsigned width, bool bold)
{
	FILE *to = s->options->to;
	unsigned used = 2;
	int err = 0;

	fputs(bold ? BOLD : "", to);
	for (const struct column *c = kind->columns; c->head; c++)
		if (is_shown(c, width)) {
			fprintf(to, "%s ", c->figure(s, row, c->width).text);
			used += (unsigned)c->width + 1;
		}
	if (kind->name) {
		fputs("  ", to);
		err = kind->name(s, row, width > used + LEAST_NAME ? width - used : LEAST_NAME, bold);
	}
	fprintf(to, "%s\n", bold ? PLAIN : "");
	return err;
}

/* Which functions ran when collections began. */
static int put_causes(const struct statistics *s, unsigned width)
{
	size_t count;
	_cleanup_free_ const struct stat_row **sorted = stat_rows_sort(&s->causes, STAT_SORT_TOTAL, &count);
	uint64_t all = 0;
	int err = 0;

	for (size_t i = 0; i < count; i++)
		all += sorted[i]->total_ns;
	if (count)
		fprintf(s->options->to, "\n%8s  %8s  %7s   %s\n", "count", "pause", "share", "begun in");
	for (size_t i = 0; i < count && i < CAUSES && !err; i++) {
		fprintf(s->options->to, "%s  %s  %s   ", units_grouped(sorted[i]->calls, 8).text,
			units_ns(sorted[i]->total_ns, 8).text, percent((double)sorted[i]->total_ns, (double)all, 7).text);
		err = put_function(s, sorted[i], width - 30, false);
		fputc('\n', s->options->to);
	}
	return err;
}

/* All pauses together. */
static void put_pauses(const struct statistics *s)
{
	struct histogram all = { 0 };

	for (uint32_t i = 0; s->rows.room && i <= s->rows.table.count; i++)
		if (s->rows.row[i].hist)
			histogram_merge(&all, s->rows.row[i].hist);
	if (!all.all)
		return;
	fputc('\n', s->options->to);
	histogram_print(&all, s->options->to, BAR);
}

static void put_histogram(const struct histogram *all, const char *head, FILE *to)
{
	if (!all->all)
		return;
	fprintf(to, "\n%s\n", head);
	histogram_print(all, to, BAR);
}

/* Threads, and how long the lock was held and waited for at a time. */
static int put_gil(const struct statistics *s, unsigned width)
{
	size_t count;
	_cleanup_free_ const struct stat_row **sorted = stat_rows_sort(&s->causes, STAT_SORT_TOTAL, &count);
	struct histogram held = { 0 }, waited_for = { 0 };
	int err = 0;

	fputc('\n', s->options->to);
	put_head(s, &gil_threads, width);
	for (size_t i = 0; i < count && !err; i++) {
		err = put_row(s, &gil_threads, sorted[i], width, false);
		if (sorted[i]->hist)
			histogram_merge(&held, sorted[i]->hist);
		if (sorted[i]->wait_hist)
			histogram_merge(&waited_for, sorted[i]->wait_hist);
	}
	put_histogram(&held, "held at a time", s->options->to);
	put_histogram(&waited_for, "waited at a time", s->options->to);
	return err;
}

static int put_histograms(const struct statistics *s, const struct stat_row *const *rows, size_t count, unsigned width)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++) {
		if (!rows[i]->hist || !rows[i]->hist->all)
			continue;
		fputc('\n', s->options->to);
		err = kinds[s->options->kind].name(s, rows[i], width, false);
		fputc('\n', s->options->to);
		histogram_print(rows[i]->hist, s->options->to, BAR);
	}
	return err;
}

int stat_text(const struct statistics *s)
{
	struct kind plain = s->options->count ? counted_calls : kinds[s->options->kind], *kind = &plain;
	unsigned width = function_text_columns(s->options->to);
	enum stat_sort by = s->options->sort == STAT_SORT_DEFAULT ? kind->sort : s->options->sort;
	size_t count, all;
	_cleanup_free_ const struct stat_row **sorted = stat_rows_sort(&s->rows, by, &all);
	int err = 0;

	count = s->options->limit && all > s->options->limit ? s->options->limit : all;
	if (!count) {
		fprintf(s->options->to, "no %s events\n", event_kind_names[s->options->kind]);
		return 0;
	}
	if (s->collectors_differ) {
		kind->name_head = "collector";
		kind->name = put_text;
	} else if (s->collector) {
		fprintf(s->options->to, "collector: %s\n", intern_text(&s->rows.texts, s->collector));
	}
	put_head(s, kind, width);
	for (size_t i = 0; i < count && !err; i++)
		err = put_row(s, kind, sorted[i], width, s->options->color && !i);
	if (count < all)
		fprintf(s->options->to, "and %zu more\n", all - count);
	if (s->options->kind == SCRY_EVENT_GC) {
		put_pauses(s);
		return err ?: put_causes(s, width);
	}
	if (s->options->kind == SCRY_EVENT_GIL)
		return err ?: put_gil(s, width);
	return err ?: s->options->hist ? put_histograms(s, sorted, count, width) : 0;
}
