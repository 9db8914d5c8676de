// SPDX-License-Identifier: GPL-2.0-only
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "banner.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "capture.h"
#include "loop.h"
#include "recorder.h"
#include "watch.h"

#define FLUSH_NS 1000000000ull

struct recording {
	const struct record_options *options;
	struct capture_writer *capture;
	struct recorder *recorder;
	int *fd;
	uint64_t flushed; /* ns */
	bool announced;
};

static char *join(char *const *argv)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (size_t i = 0; argv[i]; i++)
		fprintf(f, "%s%s", i ? " " : "", argv[i]);
	fclose(f);
	return text;
}

static int create_capture(struct recording *r, uint64_t start)
{
	const struct record_options *o = r->options;
	_cleanup_free_ char *command = join(o->argv);
	struct utsname host = {};
	struct timespec now;
	struct capture_header header = {
		.start_ns = start,
		.period_ns = o->kind.period,
		.frequency = o->run.session.frequency,
		.max_stack = o->run.session.max_stack,
		.cpus = sysconf(_SC_NPROCESSORS_ONLN),
		.event = o->kind.event,
		.unit = o->kind.unit,
		.command = command ?: "scry",
		.target = o->target,
		.host = host.nodename,
		.kernel = host.release,
		.scry_version = SCRY_VERSION,
	};
	int err;

	uname(&host);
	clock_gettime(CLOCK_REALTIME, &now);
	header.start_realtime_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	err = capture_create(o->path, &header, &r->capture);
	return err ?: recorder_create(r->capture, header.period_ns, &r->recorder);
}

static int begin(void *ctx, const struct run *run)
{
	struct recording *r = ctx;
	const struct session_options *session = &r->options->run.session;
	int err = create_capture(r, run->start);

	if (!err && (session->native || session->kernel))
		err = recorder_deepen(r->recorder, session_binaries(run->session), r->options->native_all);
	if (!err)
		recorder_look(r->recorder, run->session, session->max_stack);
	return err;
}

static void on_record(void *ctx, const struct scry_record *record, size_t size)
{
	const struct recording *r = ctx;

	recorder_take(r->recorder, record, size);
}

/* What never reached us: ticks of the clock, or events. */
static uint64_t count_lost(const struct recording *r, const struct run *run)
{
	static const enum scry_count losses[] = { SCRY_COUNT_LOST, SCRY_COUNT_LOST_EVENTS, SCRY_COUNT_BUSY,
						  SCRY_COUNT_UNTRACKED, SCRY_COUNT_UNWAITED };
	uint64_t lost = 0;

	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		lost += session_count(run->session, losses[i]);
	return lost;
}

static void show_progress(const struct recording *r, const struct run *run, uint64_t now)
{
	fprintf(stderr, "\r\033[K  %.1f s   %llu %s   %llu lost ", (double)(now - run->start) / 1e9,
		(unsigned long long)recorder_samples(r->recorder), r->options->kind.noun,
		(unsigned long long)count_lost(r, run));
	fflush(stderr);
}

static bool on_round(void *ctx, const struct run *run, uint64_t now)
{
	struct recording *r = ctx;

	if (r->options->announce && !r->announced) {
		banner_print(r->options->run.targets, run->session, r->options->kind.about,
			     r->options->run.seconds > 0);
		r->announced = true;
	}
	if (now - r->flushed < FLUSH_NS)
		return true;
	r->flushed = now;
	recorder_name_threads(r->recorder, run->session, false);
	capture_lost(r->capture, count_lost(r, run));
	if (capture_flush(r->capture)) { /* nothing is written after a failure: it would be work for nothing */
		if (r->options->path)
			remark("recording ends; %s holds what was written until then", r->options->path);
		return false;
	}
	if (r->options->progress)
		show_progress(r, run, now);
	return true;
}

/* The capture tells what was lost; what could not be timed is told here. */
static void tell_events(const struct session *session)
{
	fprintf(stderr, "scry: %s events seen", units_grouped(session_count(session, SCRY_COUNT_EVENTS), 0).text);
	watch_print_losses(session, stderr);
	putc('\n', stderr);
}

static int finish(void *ctx, const struct run *run)
{
	struct recording *r = ctx;
	int err;

	recorder_name_threads(r->recorder, run->session, true);
	capture_lost(r->capture, count_lost(r, run));
	err = capture_finish(r->capture, run->end, r->fd);
	r->capture = NULL;
	if (r->options->progress)
		fputs("\r\033[K", stderr);
	if (r->options->announce && r->options->run.session.events)
		tell_events(run->session);
	return err;
}

int record_run(const struct record_options *options, int *fd, struct spawn *child)
{
	static const struct run_ops ops = { .record = on_record, .begin = begin, .round = on_round, .end = finish };
	struct recording r = { .options = options, .fd = fd };
	int err = run_targets(&options->run, &ops, &r, child);

	if (r.capture)
		capture_finish(r.capture, loop_now(), NULL);
	recorder_destroy(r.recorder);
	return err;
}
