// SPDX-License-Identifier: GPL-2.0-only
#include "stat.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/units.h"

int stat_init(struct statistics *s, const struct stat_options *options)
{
	*s = (struct statistics){ .options = options };
	return watch_init(&s->watch, &options->filter);
}

void stat_deinit(struct statistics *s)
{
	stat_rows_deinit(&s->rows);
	stat_rows_deinit(&s->causes);
	watch_deinit(&s->watch);
}

void stat_set_collector(struct statistics *s, const char *name)
{
	uint32_t collector = intern_put(&s->rows.texts, name, strlen(name));

	s->collectors_differ |= s->collector && collector != s->collector;
	s->collector = collector;
}

/* The kind of collector in the event's process: the word "generation" means something else in each. */
static uint32_t collector_of(struct statistics *s, const struct event *event)
{
	const struct runtime_binary *binary = NULL;
	struct scry_proc place;

	if (s->watch.session && session_place(s->watch.session, (pid_t)event->pid, &place))
		binary = runtime_binary_at(place.binary);
	if (binary && binary->collector)
		stat_set_collector(s, binary->collector);
	return s->collector; /* where the process has ended since: most likely the same as before */
}

/* What of an event makes a row of its own. */
static struct stat_key key_of(struct statistics *s, const struct event *event)
{
	struct watch_place place = watch_place(&s->watch, event, 0);
	struct stat_key key = { 0 };

	if (event->kind == SCRY_EVENT_GC) {
		key.text = collector_of(s, event);
		key.number = event->number >= 0 ? (uint32_t)event->number + 1 : 0;
		return key;
	}
	key.text = intern_put(&s->rows.texts, event->text[0], strlen(event->text[0]));
	if (event->kind == SCRY_EVENT_EXCEPTION) {
		key.function = place.function;
		key.line = place.line > 0 ? (uint32_t)place.line : 0;
	}
	return key;
}

static void add_gil_time(struct stat_row *row, const struct event *event)
{
	if (row && event->number == SCRY_GIL_WAITED)
		stat_row_add_wait(row, event->duration_ns);
	else if (row)
		stat_row_add(row, event->duration_ns, event->duration_ns);
}

/* By the function in which a hold or a wait ended, and by thread. */
static void add_gil(struct statistics *s, const struct event *event)
{
	struct stat_key function = { .function = watch_place(&s->watch, event, 0).function };
	const char *name = watch_thread(&s->watch, event);
	struct stat_key thread = { .line = event->pid, .number = event->tid };
	struct stat_row *row;

	add_gil_time(stat_rows_find(&s->rows, &function), event);
	row = stat_rows_find(&s->causes, &thread);
	add_gil_time(row, event);
	if (row)
		row->name = intern_put(&s->causes.texts, name, strlen(name));
}

static void add_event(struct statistics *s, const struct event *event)
{
	struct stat_key key = key_of(s, event), cause = { .function = watch_place(&s->watch, event, 0).function };
	struct stat_row *row = stat_rows_find(&s->rows, &key);

	if (!row)
		return;
	if (event->kind == SCRY_EVENT_GC || event->kind == SCRY_EVENT_IMPORT)
		stat_row_add(row, event->duration_ns, event->own_ns);
	else
		row->calls++;
	if (event->kind != SCRY_EVENT_GC)
		return;
	if (event->number2 > 0)
		row->collected += (uint64_t)event->number2;
	row = event->frame_count ? stat_rows_find(&s->causes, &cause) : NULL;
	if (row)
		stat_row_add(row, event->duration_ns, event->own_ns);
}

void stat_take(struct statistics *s, const struct scry_record *record, size_t size)
{
	if (!watch_take(&s->watch, record, size, &s->event) || s->event.kind != s->options->kind)
		return;
	if (s->event.kind == SCRY_EVENT_GIL)
		add_gil(s, &s->event);
	else
		add_event(s, &s->event);
}

/* Row of a code object's function; NULL: not wanted. */
static struct stat_row *call_row(struct statistics *s, uint32_t code)
{
	struct stat_key key = { .function = codebook_find(s->watch.book, code) };

	return watch_wants(&s->watch, key.function) ? stat_rows_find(&s->rows, &key) : NULL;
}

void stat_add_calls(void *ctx, const struct scry_call_stat *calls)
{
	struct stat_row *row = call_row(ctx, calls->code);
	struct histogram *hist = row ? stat_row_histogram(row) : NULL;

	if (!row)
		return;
	row->calls += calls->calls;
	row->resumes += calls->resumes;
	row->errors += calls->errors;
	row->total_ns += calls->total_ns;
	row->own_ns += calls->total_ns > calls->callees_ns ? calls->total_ns - calls->callees_ns : 0;
	if (calls->max_ns > row->max_ns)
		row->max_ns = calls->max_ns;
	if (hist)
		histogram_add_buckets(hist, calls->hist);
}

/* A call is one from its beginning on; its time counts when it has ended. */
void stat_add_running(void *ctx, const struct scry_call *call)
{
	struct stat_row *row = call_row(ctx, call->code);

	if (!row)
		return;
	row->calls += !call->resumed;
	row->running++;
}

void stat_add_line(void *ctx, const struct scry_line *line, uint64_t times)
{
	struct statistics *s = ctx;
	struct stat_key key = { .function = codebook_find(s->watch.book, line->code),
				.line = line->line > 0 ? (uint32_t)line->line : 0 };
	struct stat_row *row = watch_wants(&s->watch, key.function) ? stat_rows_find(&s->rows, &key) : NULL;

	if (row)
		row->calls += times;
}

static void collect(struct statistics *s, const struct run *run, uint64_t now)
{
	static const enum scry_count losses[] = { SCRY_COUNT_LOST_EVENTS, SCRY_COUNT_BUSY, SCRY_COUNT_UNTRACKED };

	s->duration_ns = now - run->start;
	s->lost = 0;
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		s->lost += session_count(run->session, losses[i]);
	if (!s->options->run.session.aggregate)
		return;
	stat_rows_clear(&s->rows);
	if (s->options->kind == SCRY_EVENT_LINE) {
		session_each_line(run->session, stat_add_line, s);
		return;
	}
	session_each_stat(run->session, stat_add_calls, s);
	session_each_call(run->session, stat_add_running, s);
}

static int show(struct statistics *s, const struct run *run, uint64_t now)
{
	FILE *to = s->options->to;
	int err;

	collect(s, run, now);
	if (s->options->rewrite)
		fputs("\033[H\033[J", to);
	else if (s->shown && !s->options->json)
		fputc('\n', to);
	s->shown = now;
	err = s->options->json ? stat_json(s) : stat_text(s);
	if (err)
		return fail(err, "statistics:");
	return fflush(to) || ferror(to) ? -EIO : 0;
}

static void on_record(void *ctx, const struct scry_record *record, size_t size)
{
	stat_take(ctx, record, size);
}

static int begin(void *ctx, const struct run *run)
{
	struct statistics *s = ctx;

	s->watch.session = run->session;
	return 0;
}

static void started(void *ctx)
{
	const struct statistics *s = ctx;

	if (!s->options->quiet && !s->options->rewrite)
		remark("counting; Ctrl-C to finish");
}

static bool on_round(void *ctx, const struct run *run, uint64_t now)
{
	struct statistics *s = ctx;
	uint64_t last = s->shown ?: run->start;

	if (s->options->interval <= 0 || (double)(now - last) < s->options->interval * 1e9)
		return true;
	return !show(s, run, now);
}

static int finish(void *ctx, const struct run *run)
{
	struct statistics *s = ctx;
	int err = show(s, run, run->end);

	if (err || s->options->quiet)
		return err == -EIO ? 0 : err; /* main tells of an output that cannot be written */
	fprintf(stderr, "scry: %s", units_ns(run->end - run->start, 0).text);
	watch_print_losses(run->session, stderr);
	fputc('\n', stderr);
	return 0;
}

int stat_run(const struct stat_options *options, struct spawn *child)
{
	static const struct run_ops ops = {
		.record = on_record, .begin = begin, .started = started, .round = on_round, .end = finish,
	};
	struct statistics s;
	int err = stat_init(&s, options);

	if (!err)
		err = run_targets(&options->run, &ops, &s, child);
	stat_deinit(&s);
	return err;
}
