// SPDX-License-Identifier: GPL-2.0-only
/* The table for programs: one object. docs/json.md names its fields. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "profile_rows.h"
#include "sink.h"

/* Values in ns; an event of another unit has no times. */
static uint64_t ns(const struct profile *p, const struct tree_weight *weight)
{
	return profile_is_timed(p) ? weight->value : 0;
}

static const char *const kinds[] = {
	[CAPTURE_INTERPRETED] = "interpreted",
	[CAPTURE_NATIVE] = "native",
	[CAPTURE_KERNEL] = "kernel",
	[CAPTURE_MARK] = "mark",
};

static void write_errors(const struct profile_tree *tree, FILE *to)
{
	fputs("  \"errors\": {", to);
	for (uint32_t i = 1; i <= tree->errors.count; i++) {
		fputs(i > 1 ? ", " : "", to);
		escape_json(to, profile_text(tree->profile, (uint32_t)tree->errors.keys[i].a));
		fprintf(to, ": %" PRIu64, tree->error_counts[i]);
	}
	fputs("},\n", to);
}

static void put_function(const struct profile_tree *tree, const struct profile_row *row, FILE *to)
{
	const struct profile *p = tree->profile;

	fputs("\"function\": ", to);
	escape_json(to, profile_text(p, row->label.name));
	fputs(", \"file\": ", to);
	escape_json(to, profile_text(p, row->label.file));
	fprintf(to, ", \"line\": %" PRId32 ", \"kind\": \"%s\"", row->label.line, kinds[row->label.kind]);
	fprintf(to, ", \"self\": %" PRIu64 ", \"total\": %" PRIu64 ", \"self_ns\": %" PRIu64 ", \"total_ns\": %" PRIu64,
		row->self.samples, row->total.samples, ns(p, &row->self), ns(p, &row->total));
}

/* A thread's time off CPU by reason; the sum of it, and *on its time on CPU. */
static uint64_t write_off(const struct profile_tree *tree, uint32_t thread, bool shown, uint64_t *on, FILE *to)
{
	const struct profile *p = tree->profile;
	const char *separator = "";
	uint64_t off = 0;

	fputs(shown ? ", \"off\": {" : "", to);
	for (uint32_t i = 1; i <= tree->reasons.count; i++) {
		uint32_t reason = (uint32_t)tree->reasons.keys[i].b;
		uint64_t value = tree->reason_weights[i].value;

		if (tree->reasons.keys[i].a != thread)
			continue;
		if (!profile_is_off(p, reason)) {
			*on += value;
			continue;
		}
		off += value;
		if (!shown)
			continue;
		fputs(separator, to);
		escape_json(to, profile_reason(p, reason));
		fprintf(to, ": %" PRIu64, value);
		separator = ", ";
	}
	fputs(shown ? "}" : "", to);
	return off;
}

/* Where its time has gone, as far as the event tells; the values of others are no time of the thread's own. */
static void write_times(const struct profile_tree *tree, uint32_t thread, FILE *to)
{
	const char *event = tree->profile->header.event;
	bool wall = !strcmp(event, "wall"), knows_on = wall || !strcmp(event, "cpu"), knows_off = wall || !strcmp(event, "offcpu");
	uint64_t on = 0, off;

	if (!knows_on && !knows_off)
		return;
	off = write_off(tree, thread, knows_off, &on, to);
	if (knows_on)
		fprintf(to, ", \"cpu_ns\": %" PRIu64, on);
	if (knows_off)
		fprintf(to, ", \"off_ns\": %" PRIu64, off);
	if (wall)
		fprintf(to, ", \"wall_ns\": %" PRIu64, on + off);
}

static void put_reason(const struct profile_tree *tree, const struct profile_row *row, FILE *to)
{
	fputs("\"reason\": ", to);
	escape_json(to, profile_reason(tree->profile, row->label.name));
	fprintf(to, ", \"samples\": %" PRIu64 ", \"ns\": %" PRIu64, row->self.samples, ns(tree->profile, &row->self));
}

static void put_thread(const struct profile_tree *tree, const struct profile_row *row, FILE *to)
{
	const struct profile *p = tree->profile;
	const struct profile_thread *thread = &p->threads.item[row->label.index];

	fprintf(to, "\"pid\": %" PRIu32 ", \"tid\": %" PRIu32 ", \"name\": ", p->processes.item[thread->process].pid,
		thread->tid);
	escape_json(to, profile_text(p, thread->name));
	fprintf(to, ", \"samples\": %" PRIu64, row->self.samples);
	write_times(tree, row->label.index, to);
}

/* functions: by what its rows are: function, file or line. limit: 0: all. */
static int write_lists(const struct profile_tree *tree, FILE *to, const struct output_options *functions)
{
	const struct {
		const char *name;
		struct output_options options;
		void (*put)(const struct profile_tree *tree, const struct profile_row *row, FILE *to);
	} lists[] = {
		{ "functions", *functions, put_function },
		{ "reasons", { .by = OUTPUT_BY_REASON }, put_reason },
		{ "threads", { .by = OUTPUT_BY_THREAD }, put_thread },
	};

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		_cleanup_free_ struct profile_row *rows = NULL;
		size_t count, limit = lists[k].options.limit;
		int err = profile_rows(tree, &lists[k].options, &rows, &count);

		if (err)
			return err;
		if (limit && count > limit)
			count = limit;
		fprintf(to, "%s  \"%s\": [", k ? ",\n" : "", lists[k].name);
		for (size_t i = 0; i < count; i++) {
			fputs(i ? ",\n    {" : "\n    {", to);
			lists[k].put(tree, &rows[i], to);
			putc('}', to);
		}
		fputs(count ? "\n  ]" : "]", to);
	}
	putc('\n', to);
	return 0;
}

static int json_write(const struct profile *profile, FILE *to, const struct output_options *options)
{
	struct output_options shown = *options;
	struct profile_tree *tree;
	int err;

	shown.lines |= shown.by == OUTPUT_BY_LINE;
	err = profile_tree_create(profile, &shown, &tree);
	if (err)
		return err;
	fputs("{\n  \"event\": ", to);
	escape_json(to, profile->header.event);
	fputs(",\n  \"unit\": ", to);
	escape_json(to, profile->header.unit);
	fprintf(to, ",\n  \"period\": %" PRIu64 ",\n", profile->header.period_ns);
	fprintf(to, "  \"samples\": %" PRIu64 ",\n  \"lost\": %" PRIu64 ",\n", tree->all.samples,
		profile->lost);
	write_errors(tree, to);
	fprintf(to, "  \"duration_s\": %.6f,\n  \"frequency\": %" PRIu32 ",\n",
		(double)profile->duration_ns / 1e9, profile->header.frequency);
	if (shown.by == OUTPUT_BY_THREAD || shown.by == OUTPUT_BY_PROCESS || shown.by == OUTPUT_BY_REASON ||
	    shown.by == OUTPUT_BY_VMSTATE)
		shown.by = OUTPUT_BY_FUNCTION;
	err = write_lists(tree, to, &shown);
	fputs("}\n", to);
	profile_tree_destroy(tree);
	return err;
}

const struct sink sink_json = { .extension = ".json", .write = json_write };
