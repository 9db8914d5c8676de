// SPDX-License-Identifier: GPL-2.0-only
#include "trace.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/units.h"

int trace_init(struct trace *t, const struct trace_options *options, uint64_t origin)
{
	*t = (struct trace){ .options = options, .origin = origin };
	return watch_init(&t->watch, &options->filter);
}

void trace_begin(struct trace *t)
{
	if (t->options->writer->begin)
		t->options->writer->begin(t);
}

void trace_deinit(struct trace *t)
{
	for (size_t i = 0; i < t->labels_room; i++)
		free(t->labels[i].text);
	free(t->labels);
	watch_deinit(&t->watch);
}

unsigned trace_kinds(const struct trace *t)
{
	/* enum runtime_event is in the same order, without the clock. */
	return t->options->run.session.events << SCRY_EVENT_CALL;
}

static bool is_full(const struct trace *t)
{
	return t->failed || (t->options->max_events && t->shown >= t->options->max_events);
}

void trace_take(struct trace *t, const struct scry_record *record, size_t size)
{
	if (is_full(t) || !watch_take(&t->watch, record, size, &t->event))
		return;
	if (t->event.kind == SCRY_EVENT_CALL && t->event.type == SCRY_CALL_DROPPED) /* nothing has happened now */
		return;
	t->options->writer->event(t, &t->event);
	t->shown++;
}

static void on_record(void *ctx, const struct scry_record *record, size_t size)
{
	trace_take(ctx, record, size);
}

static int begin(void *ctx, const struct run *run)
{
	struct trace *t = ctx;

	t->watch.session = run->session;
	t->origin = run->opened;
	trace_begin(t);
	return 0;
}

static void started(void *ctx)
{
	const struct trace *t = ctx;

	if (!t->options->quiet)
		remark("tracing; Ctrl-C to finish");
}

/* Who reads waits for what is known: nothing stays in the buffer. */
static bool on_round(void *ctx, const struct run *run, uint64_t now)
{
	struct trace *t = ctx;

	if (fflush(t->options->to) || ferror(t->options->to))
		t->failed = true;
	return !is_full(t);
}

static int finish(void *ctx, const struct run *run)
{
	struct trace *t = ctx;

	fflush(t->options->to);
	if (t->options->quiet)
		return 0;
	fprintf(stderr, "scry: %s events in %s", units_grouped(t->shown, 0).text,
		units_ns(run->end - run->start, 0).text);
	watch_print_losses(run->session, stderr);
	fputc('\n', stderr);
	return 0;
}

int trace_run(const struct trace_options *options, struct spawn *child)
{
	static const struct run_ops ops = {
		.record = on_record, .begin = begin, .started = started, .round = on_round, .end = finish,
	};
	struct trace t;
	int err = trace_init(&t, options, 0);

	if (!err)
		err = run_targets(&options->run, &ops, &t, child);
	trace_deinit(&t);
	return err;
}
