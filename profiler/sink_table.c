// SPDX-License-Identifier: GPL-2.0-only
/* The table for people: heaviest row first, figures left, the name last and fitted to the width. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/units.h"
#include "profile_rows.h"
#include "sink.h"

#define DEFAULT_WIDTH 80
#define LEAST_NAME    20	/* cells for a name, however narrow the terminal is */
#define WHOLE	      (1u << 20)	/* cells: no limit */

#define BOLD  "\033[1m"
#define DIM   "\033[2m"
#define PLAIN "\033[0m"

struct sheet {
	const struct profile_tree *tree;
	const struct output_options *options;
	FILE *to;
	unsigned width;
};

static unsigned width_of(FILE *to)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int asked = columns ? atoi(columns) : 0;

	if (!ioctl(fileno(to), TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return asked > 0 && asked < 10000 ? (unsigned)asked : DEFAULT_WIDTH;
}

/* Cells for the name, behind figures that took so many. */
static unsigned room(const struct sheet *sheet, int used)
{
	unsigned taken = (unsigned)used;

	return sheet->width > taken + LEAST_NAME ? sheet->width - taken : LEAST_NAME;
}

static double percent(const struct sheet *sheet, const struct tree_weight *weight)
{
	const struct profile *p = sheet->tree->profile;
	uint64_t all = profile_weight(p, &sheet->tree->all);

	return all ? 100.0 * (double)profile_weight(p, weight) / (double)all : 0;
}

static struct units amount(const struct sheet *sheet, const struct tree_weight *weight, int width)
{
	bool is_time = !strcmp(sheet->tree->profile->header.unit, "ns");

	/* Nothing needs no unit. */
	if (is_time && weight->value)
		return units_ns(weight->value, width);
	return units_count(weight->value, width);
}

/* The path from the package on, where it is installed in one of the usual places: the rest is
 * the same for all. */
static const char *short_path(const char *path)
{
	static const char *const roots[] = { "/site-packages/", "/dist-packages/" };
	const char *at;

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		at = strstr(path, roots[i]);
		if (at && at[strlen(roots[i])])
			return at + strlen(roots[i]);
	}
	at = *path == '/' ? strstr(path, "/lib/python") : NULL;
	at = at ? strchr(at + strlen("/lib/python"), '/') : NULL;
	return at && at[1] ? at + 1 : path;
}

/* "name (file:line)" in so many cells: the line stands, the longer of name and file gives way. */
static int put_function(const struct sheet *sheet, const struct tree_label *label, unsigned cells,
			bool bold)
{
	const struct profile *p = sheet->tree->profile;
	const char *name = profile_text(p, label->name);
	const char *file = short_path(profile_text(p, label->file));
	_cleanup_free_ char *whole_name = escape_fit(*name ? name : "?", WHOLE);
	_cleanup_free_ char *whole_file = escape_fit(file, WHOLE);
	_cleanup_free_ char *fit_name = NULL, *fit_file = NULL;
	bool color = sheet->options->color;
	unsigned rest, name_cells, file_cells;
	char line[16] = "";

	if (!whole_name || !whole_file)
		return -ENOMEM;
	if (label->line > 0)
		snprintf(line, sizeof(line), ":%" PRId32, label->line);
	rest = cells - (*file ? (unsigned)strlen(line) + 3 : 0);
	name_cells = escape_width(whole_name);
	file_cells = escape_width(whole_file);
	if (name_cells + file_cells > rest) {
		unsigned half = file_cells < rest / 2 ? file_cells : rest / 2;

		file_cells = name_cells < rest - half ? rest - name_cells : half;
		name_cells = rest - file_cells;
	}
	fit_name = escape_fit(*name ? name : "?", name_cells);
	fit_file = escape_fit(file, file_cells);
	if (!fit_name || !fit_file)
		return -ENOMEM;
	fputs(fit_name, sheet->to);
	if (*file)
		fprintf(sheet->to, "%s (%s%s)%s", color ? bold ? PLAIN DIM : DIM : "", fit_file, line,
			color ? PLAIN : "");
	return 0;
}

static int put_text(const struct sheet *sheet, const char *text, unsigned cells)
{
	_cleanup_free_ char *fit = escape_fit(text, cells);

	if (!fit)
		return -ENOMEM;
	fputs(fit, sheet->to);
	return 0;
}

/* Both give how many columns they took. */
static int put_weights(const struct sheet *sheet, const struct profile_row *row)
{
	int cells = fprintf(sheet->to, "%5.1f%% ", percent(sheet, &row->self));

	fputs(amount(sheet, &row->self, 8).text, sheet->to);
	cells += fprintf(sheet->to, "  %5.1f%% ", percent(sheet, &row->total));
	fprintf(sheet->to, "%s   ", amount(sheet, &row->total, 8).text);
	return cells + 8 + 8 + 3;
}

static int put_share(const struct sheet *sheet, const struct profile_row *row)
{
	int cells = fprintf(sheet->to, "%5.1f%% ", percent(sheet, &row->self));

	fputs(amount(sheet, &row->self, 8).text, sheet->to);
	return cells + 8 + fprintf(sheet->to, "  %8" PRIu64, row->self.samples);
}

static int put_function_row(const struct sheet *sheet, const struct profile_row *row, bool bold)
{
	int used = put_weights(sheet, row);

	return put_function(sheet, &row->label, room(sheet, used), bold);
}

static int put_file_row(const struct sheet *sheet, const struct profile_row *row, bool bold)
{
	const char *file = short_path(profile_text(sheet->tree->profile, row->label.file));
	int used = put_weights(sheet, row);

	return put_text(sheet, *file ? file : "-", room(sheet, used));
}

static int put_thread_row(const struct sheet *sheet, const struct profile_row *row, bool bold)
{
	const struct profile *p = sheet->tree->profile;
	const struct profile_thread *thread = &p->threads.item[row->label.index];
	int used = put_share(sheet, row);

	used += fprintf(sheet->to, "  %8" PRIu32 "  %8" PRIu32 "   ",
			p->processes.item[thread->process].pid, thread->tid);
	return put_text(sheet, thread->name ? profile_text(p, thread->name) : "-",
			room(sheet, used));
}

static int put_process_row(const struct sheet *sheet, const struct profile_row *row, bool bold)
{
	const struct profile *p = sheet->tree->profile;
	const struct profile_process *process = &p->processes.item[row->label.index];
	int used = put_share(sheet, row);

	used += fprintf(sheet->to, "  %7" PRIu32 "  %8" PRIu32 "   ", row->threads, process->pid);
	return put_text(sheet, process->name ? profile_text(p, process->name) : "-",
			room(sheet, used));
}

static const struct {
	const char *head;
	int (*put)(const struct sheet *sheet, const struct profile_row *row, bool bold);
} kinds[] = {
	[OUTPUT_BY_FUNCTION] = { "  self     time   total     time   function", put_function_row },
	[OUTPUT_BY_FILE] = { "  self     time   total     time   file", put_file_row },
	[OUTPUT_BY_LINE] = { "  self     time   total     time   line", put_function_row },
	[OUTPUT_BY_THREAD] = { " share     time   samples       pid       tid   thread",
			       put_thread_row },
	[OUTPUT_BY_PROCESS] = { " share     time   samples  threads       pid   process",
				put_process_row },
};

static int put_rows(const struct sheet *sheet)
{
	const struct output_options *options = sheet->options;
	_cleanup_free_ struct profile_row *rows = NULL;
	size_t count;
	int err = profile_rows(sheet->tree, options, &rows, &count);

	if (err)
		return err;
	if (!sheet->tree->all.samples) {
		fputs("no samples\n", sheet->to);
		return 0;
	}
	if (options->limit && count > options->limit)
		count = options->limit;
	fprintf(sheet->to, "%s\n", kinds[options->by].head);
	for (size_t i = 0; i < count && !err; i++) {
		bool bold = options->color && !i;

		fputs(bold ? BOLD : "", sheet->to);
		err = kinds[options->by].put(sheet, &rows[i], bold);
		fprintf(sheet->to, "%s\n", bold ? PLAIN : "");
	}
	return err;
}

static int table_write(const struct profile *profile, FILE *to, const struct output_options *options)
{
	struct output_options shown = *options;
	struct sheet sheet = { .options = &shown, .to = to, .width = width_of(to) };
	struct profile_tree *tree;
	int err;

	shown.lines |= shown.by == OUTPUT_BY_LINE;
	shown.root_process = shown.root_thread = false;
	err = profile_tree_create(profile, &shown, &tree);
	if (err)
		return err;
	sheet.tree = tree;
	err = put_rows(&sheet);
	profile_tree_destroy(tree);
	return err;
}

const struct sink sink_table = { .extension = ".txt", .write = table_write };
