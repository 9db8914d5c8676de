// SPDX-License-Identifier: GPL-2.0-only
/* The table for people: heaviest row first, figures left, the name last and fitted to the width. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "base/units.h"
#include "function_text.h"
#include "profile_rows.h"
#include "profile_vmstate.h"
#include "sink.h"

#define LEAST_NAME    20	/* cells for a name, however narrow the terminal is */

#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

struct sheet {
	const struct profile_tree *tree;
	const struct output_options *options;
	FILE *to;
	unsigned width;
};

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
	bool is_time = profile_is_timed(sheet->tree->profile);

	/* Nothing needs no unit. */
	if (is_time && weight->value)
		return units_ns(weight->value, width);
	return units_count(weight->value, width);
}

static int put_function(const struct sheet *sheet, const struct tree_label *label, unsigned cells, bool bold)
{
	const struct profile *p = sheet->tree->profile;

	return function_text_put(sheet->to, profile_text(p, label->name), profile_tree_file(p, label), label->line, cells,
				 !sheet->options->color ? FUNCTION_TEXT_PLAIN :
				 bold ? FUNCTION_TEXT_BOLD : FUNCTION_TEXT_COLOR);
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
	const char *file = function_text_path(profile_text(sheet->tree->profile, row->label.file));
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

static int put_reason_row(const struct sheet *sheet, const struct profile_row *row, bool bold)
{
	int used = put_share(sheet, row);

	used += fprintf(sheet->to, "  %7" PRIu32 "   ", row->threads);
	return put_text(sheet, profile_reason(sheet->tree->profile, row->label.name), room(sheet, used));
}

static int put_vmstate_row(const struct sheet *sheet, const struct profile_row *row, bool bold)
{
	int used = put_share(sheet, row);

	used += fprintf(sheet->to, "   ");
	return put_text(sheet, vmstate_names[row->label.index], room(sheet, used));
}

static const struct {
	const char *head, *count_head; /* of values that are time, that are not */
	int (*put)(const struct sheet *sheet, const struct profile_row *row, bool bold);
} kinds[] = {
	[OUTPUT_BY_FUNCTION] = { "  self     time   total     time   function",
			       "  self    count   total    count   function",
			       put_function_row },
	[OUTPUT_BY_FILE] = { "  self     time   total     time   file",
			       "  self    count   total    count   file",
			       put_file_row },
	[OUTPUT_BY_LINE] = { "  self     time   total     time   line",
			       "  self    count   total    count   line",
			       put_function_row },
	[OUTPUT_BY_THREAD] = { " share     time   samples       pid       tid   thread",
			       " share    count   samples       pid       tid   thread",
			       put_thread_row },
	[OUTPUT_BY_PROCESS] = { " share     time   samples  threads       pid   process",
			       " share    count   samples  threads       pid   process",
			       put_process_row },
	[OUTPUT_BY_REASON] = { " share     time   samples  threads   reason",
			       " share    count   samples  threads   reason",
			       put_reason_row },
	[OUTPUT_BY_VMSTATE] = { " share     time   samples   vmstate",
				" share    count   samples   vmstate",
				put_vmstate_row },
};

static int put_rows(const struct sheet *sheet)
{
	const struct output_options *options = sheet->options;
	_cleanup_free_ struct profile_row *rows = NULL;
	const char *head;
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
	head = profile_is_timed(sheet->tree->profile) ? kinds[options->by].head : kinds[options->by].count_head;
	fprintf(sheet->to, "%s\n", head);
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
	struct sheet sheet = { .options = &shown, .to = to, .width = function_text_columns(to) };
	struct profile_tree *tree;
	int err;

	shown.lines |= shown.by == OUTPUT_BY_LINE;
	shown.root_process = shown.root_thread = shown.root_reason = false;
	err = profile_tree_create(profile, &shown, &tree);
	if (err)
		return err;
	sheet.tree = tree;
	err = put_rows(&sheet);
	profile_tree_destroy(tree);
	return err;
}

const struct sink sink_table = { .extension = ".txt", .write = table_write };
