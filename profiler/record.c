// SPDX-License-Identifier: GPL-2.0-only
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "capture.h"
#include "costs.h"
#include "loop.h"
#include "recorder.h"
#include "spawn.h"

#define POLL_MS	 50
#define FLUSH_NS 1000000000ull

struct recording {
	const struct record_options *options;
	struct session *session;
	struct capture_writer *capture;
	struct recorder *recorder;
	struct spawn *child;
	struct loop loop;
	unsigned int stops;
	uint64_t start, flushed, end; /* ns; end 0: not set */
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

static int create_capture(struct recording *r)
{
	const struct record_options *o = r->options;
	_cleanup_free_ char *command = join(o->argv);
	struct utsname host = {};
	struct timespec now;
	struct capture_header header = {
		.start_ns = r->start,
		.period_ns = 1000000000 / o->session.frequency,
		.frequency = o->session.frequency,
		.max_stack = o->session.max_stack,
		.cpus = sysconf(_SC_NPROCESSORS_ONLN),
		.event = "cpu",
		.unit = "ns",
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

/* Records come before the recorder exists only while the session opens: none are of use then. */
static void on_record(void *ctx, const struct scry_record *record, size_t size)
{
	struct recording *r = ctx;

	if (r->recorder)
		recorder_take(r->recorder, record, size);
}

static int follow_targets(struct recording *r)
{
	const struct record_options *o = r->options;

	for (size_t i = 0; i < o->pid_count; i++) {
		int err = session_follow(r->session, o->pids[i], true);

		if (err == -ENOENT)
			return fail(err, "process %d runs no interpreter that scry knows", o->pids[i]);
		if (err == -ESRCH)
			return fail(err, "process %d is gone", o->pids[i]);
		if (err)
			return err;
	}
	return o->command ? session_follow(r->session, r->child->pid, false) : 0;
}

static int start(struct recording *r)
{
	const struct record_options *o = r->options;
	int err;

	if (o->command) {
		err = spawn_prepare(o->command, r->child);
		if (err)
			return err;
	}
	err = session_open(&o->session, on_record, r, &r->session);
	if (!err)
		err = follow_targets(r);
	if (!err)
		err = loop_init(&r->loop, session_fd(r->session), POLL_MS);
	r->start = loop_now();
	if (!err)
		err = create_capture(r);
	if (!err)
		err = session_start(r->session);
	if (!err && o->command)
		err = spawn_release(r->child, o->command[0]);
	if (o->seconds > 0)
		r->end = r->start + (uint64_t)(o->seconds * 1e9);
	return err;
}

static void show_progress(const struct recording *r, uint64_t now)
{
	fprintf(stderr, "\r\033[K  %.1f s   %llu samples   %llu lost ", (now - r->start) / 1e9,
		(unsigned long long)recorder_samples(r->recorder),
		(unsigned long long)session_count(r->session, SCRY_COUNT_LOST));
	fflush(stderr);
}

static void flush(struct recording *r, uint64_t now)
{
	r->flushed = now;
	recorder_name_threads(r->recorder, r->session, false);
	capture_lost(r->capture, session_count(r->session, SCRY_COUNT_LOST));
	capture_flush(r->capture);
	if (r->options->progress)
		show_progress(r, now);
}

/*
 * A signal ends the recording. With a started command it is passed on first (unless the terminal has sent it to both), and
 * the recording ends with the command; a second signal does not wait for that.
 */
static bool stopped(struct recording *r)
{
	if (!r->loop.stop)
		return false;
	r->loop.stop = false;
	if (!r->options->command || spawn_reap(r->child, false) || r->stops++)
		return true;
	if (!r->loop.from_terminal)
		kill(r->child->pid, r->loop.stop_signal);
	return false;
}

/* All targets are gone; whole-machine recordings have no such end. */
static bool targets_gone(struct recording *r)
{
	const struct record_options *o = r->options;

	if (o->session.all || o->session.cgroup)
		return false;
	if (o->command && !spawn_reap(r->child, false))
		return false;
	return !session_alive(r->session);
}

static void run(struct recording *r)
{
	for (;;) {
		uint64_t now;

		loop_wait(&r->loop);
		session_poll(r->session);
		now = loop_now();
		if (now - r->flushed >= FLUSH_NS)
			flush(r, now);
		if (stopped(r) || targets_gone(r) || (r->end && now >= r->end))
			return;
	}
}

static int finish(struct recording *r, int *fd)
{
	uint64_t end = loop_now();
	int err;

	session_stop(r->session);
	session_poll(r->session);
	recorder_name_threads(r->recorder, r->session, true);
	capture_lost(r->capture, session_count(r->session, SCRY_COUNT_LOST));
	err = capture_finish(r->capture, end, fd);
	r->capture = NULL;
	if (r->options->progress)
		fputs("\r\033[K", stderr);
	if (r->options->stats) {
		session_print_stats(r->session, stderr);
		costs_print(stderr, end - r->start);
	}
	return err;
}

int record_run(const struct record_options *options, int *fd, struct spawn *child)
{
	struct recording r = { .options = options, .child = child, .loop = { .signals = -1, .timer = -1 } };
	int err = start(&r);

	if (!err) {
		run(&r);
		err = finish(&r, fd);
	} else {
		spawn_abandon(child);
	}
	if (r.capture)
		capture_finish(r.capture, loop_now(), NULL);
	recorder_destroy(r.recorder);
	session_close(r.session);
	loop_deinit(&r.loop);
	return err;
}
