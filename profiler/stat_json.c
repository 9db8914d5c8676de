// SPDX-License-Identifier: GPL-2.0-only
/* Statistics as one object. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "stat.h"

static void put_text(FILE *to, const char *key, const char *text)
{
	fprintf(to, "\"%s\": ", key);
	escape_json(to, text);
	fputs(", ", to);
}

static void put_function(const struct statistics *s, const struct stat_row *row, FILE *to)
{
	const struct codebook_function *function = codebook_function(s->watch.book, row->key.function);

	put_text(to, "function", function->name);
	put_text(to, "file", function->file);
	fprintf(to, "\"line\": %d, ", row->key.line ? (int)row->key.line : function->line);
}

static void put_durations(const struct stat_row *row, FILE *to)
{
	fprintf(to, "\"mean_ns\": %" PRIu64 ", \"p50_ns\": %" PRIu64 ", \"p99_ns\": %" PRIu64 ", \"max_ns\": %" PRIu64,
		stat_row_mean(row), stat_row_quantile(row, 0.5), stat_row_quantile(row, 0.99), row->max_ns);
}

/* Of a call whose end was not looked at. */
static void put_count(const struct stat_row *row, FILE *to)
{
	static const char *const unknown[] = { "errors", "running", "total_ns", "own_ns", "mean_ns", "p50_ns", "p99_ns", "max_ns" };

	fprintf(to, "\"calls\": %" PRIu64 ", \"resumes\": %" PRIu64, row->calls, row->resumes);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		fprintf(to, ", \"%s\": null", unknown[i]);
}

static void put_call(const struct statistics *s, const struct stat_row *row, FILE *to)
{
	put_function(s, row, to);
	if (s->options->count) {
		put_count(row, to);
		return;
	}
	fprintf(to, "\"calls\": %" PRIu64 ", \"resumes\": %" PRIu64 ", \"errors\": %" PRIu64 ", \"running\": %" PRIu64
		", \"total_ns\": %" PRIu64 ", \"own_ns\": %" PRIu64 ", ", row->calls, row->resumes, row->errors,
		row->running, row->total_ns, row->own_ns);
	put_durations(row, to);
}

static void put_generation(const struct statistics *s, const struct stat_row *row, FILE *to)
{
	const char *work = event_gc_work((int64_t)row->key.number - 1);

	if (work)
		put_text(to, "work", work);
	if (row->key.number && !work)
		fprintf(to, "\"generation\": %" PRIu32 ", ", row->key.number - 1);
	else
		fputs("\"generation\": null, ", to);
	if (s->collectors_differ)
		put_text(to, "collector", stat_rows_text(&s->rows, row));
	fprintf(to, "\"count\": %" PRIu64 ", \"total_ns\": %" PRIu64 ", ", row->calls, row->total_ns);
	if (work)
		fputs("\"collected\": null, ", to);
	else
		fprintf(to, "\"collected\": %" PRIu64 ", ", row->collected);
	put_durations(row, to);
}

static void put_module(const struct statistics *s, const struct stat_row *row, FILE *to)
{
	put_text(to, "module", stat_rows_text(&s->rows, row));
	fprintf(to, "\"calls\": %" PRIu64 ", \"total_ns\": %" PRIu64 ", \"own_ns\": %" PRIu64 ", ", row->calls,
		row->total_ns, row->own_ns);
	put_durations(row, to);
}

static void put_line(const struct statistics *s, const struct stat_row *row, FILE *to)
{
	put_function(s, row, to);
	fprintf(to, "\"calls\": %" PRIu64, row->calls);
}

static void put_exception(const struct statistics *s, const struct stat_row *row, FILE *to)
{
	put_text(to, "exception", stat_rows_text(&s->rows, row));
	put_line(s, row, to);
}

static void put_audit(const struct statistics *s, const struct stat_row *row, FILE *to)
{
	put_text(to, "name", stat_rows_text(&s->rows, row));
	fprintf(to, "\"calls\": %" PRIu64, row->calls);
}

static void put_gil_times(const struct stat_row *row, FILE *to)
{
	fprintf(to, "\"holds\": %" PRIu64 ", \"hold_ns\": %" PRIu64 ", \"hold_p99_ns\": %" PRIu64 ", \"hold_max_ns\": %" PRIu64 ", ",
		row->calls, row->total_ns, stat_row_quantile(row, 0.99), row->max_ns);
	fprintf(to, "\"waits\": %" PRIu64 ", \"wait_ns\": %" PRIu64 ", \"wait_p99_ns\": %" PRIu64 ", \"wait_max_ns\": %" PRIu64,
		row->waits, row->wait_ns, stat_row_wait_quantile(row, 0.99), row->wait_max_ns);
}

static void put_gil(const struct statistics *s, const struct stat_row *row, FILE *to)
{
	put_function(s, row, to);
	put_gil_times(row, to);
}

static void put_gil_thread(const struct statistics *s, const struct stat_row *row, FILE *to)
{
	fprintf(to, "\"pid\": %" PRIu32 ", \"tid\": %" PRIu32 ", ", row->key.line, row->key.number);
	put_text(to, "name", row->name ? intern_text(&s->causes.texts, row->name) : "");
	put_gil_times(row, to);
}

typedef void put_row(const struct statistics *s, const struct stat_row *row, FILE *to);

static put_row *const puts_row[SCRY_EVENT_COUNT] = {
	[SCRY_EVENT_CALL] = put_call,	  [SCRY_EVENT_LINE] = put_line,		  [SCRY_EVENT_GC] = put_generation,
	[SCRY_EVENT_IMPORT] = put_module, [SCRY_EVENT_EXCEPTION] = put_exception, [SCRY_EVENT_AUDIT] = put_audit,
	[SCRY_EVENT_GIL] = put_gil,
};

static void put_rows(const struct statistics *s, const struct stat_rows *rows, const char *name, put_row *put)
{
	FILE *to = s->options->to;
	size_t count;
	_cleanup_free_ const struct stat_row **sorted = stat_rows_sort(rows, s->options->sort, &count);

	if (s->options->limit && count > s->options->limit)
		count = s->options->limit;
	fprintf(to, ",\n  \"%s\": [", name);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ",\n    {" : "\n    {", to);
		put(s, sorted[i], to);
		fputc('}', to);
	}
	fputs(count ? "\n  ]" : "]", to);
}

static void put_collector(const struct statistics *s)
{
	fputs(",\n  \"collector\": ", s->options->to);
	if (s->collector && !s->collectors_differ)
		escape_json(s->options->to, intern_text(&s->rows.texts, s->collector));
	else
		fputs("null", s->options->to);
}

int stat_json(const struct statistics *s)
{
	FILE *to = s->options->to;

	fprintf(to, "{\n  \"event\": \"%s\",\n  \"duration_s\": %.6f,\n  \"lost\": %" PRIu64,
		event_kind_names[s->options->kind], (double)s->duration_ns / 1e9, s->lost);
	if (s->options->kind == SCRY_EVENT_GC)
		put_collector(s);
	put_rows(s, &s->rows, "rows", puts_row[s->options->kind]);
	if (s->options->kind == SCRY_EVENT_GC)
		put_rows(s, &s->causes, "started_by", put_call);
	if (s->options->kind == SCRY_EVENT_GIL)
		put_rows(s, &s->causes, "threads", put_gil_thread);
	fputs("\n}\n", to);
	return 0;
}
