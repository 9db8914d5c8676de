// SPDX-License-Identifier: GPL-2.0-only
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "costs.h"
#include "expect.h"
#include "hold.h"
#include "loop.h"

#define POLL_MS 50

struct running {
	const struct run_options *options;
	const struct run_ops *ops;
	void *ctx;
	struct run run;
	struct spawn *child;
	struct hold *hold; /* NULL: the command begins as it likes */
	bool expected;	   /* what it begins with is an interpreter */
	struct loop loop;
	unsigned int stops;
	uint64_t deadline; /* ns; 0: none */
};

static int follow_targets(struct running *r)
{
	const struct targets *t = r->options->targets;

	for (size_t i = 0; i < t->pid_count; i++) {
		int err = session_follow(r->run.session, t->pids[i], true);

		if (err == -ENOENT)
			return fail(err, "process %d runs no interpreter that scry knows", t->pids[i]);
		if (err == -ESRCH)
			return fail(err, "process %d is gone", t->pids[i]);
		if (err)
			return err;
	}
	if (!t->command)
		return 0;
	_cleanup_free_ char *program = expect_program(t->command[0]);

	r->expected = program && session_expect(r->run.session, program);
	return session_follow(r->run.session, r->child->pid, false);
}

/*
 * Another program, such as a shell or chroot, will run the interpreter: none of its events may be missed. And where C frames are
 * wanted, the interpreter itself waits until it is known where its code is.
 */
static void hold(struct running *r)
{
	const struct run_options *o = r->options;

	if (o->targets->command && (r->expected ? o->session.native : o->session.events != 0) &&
	    !hold_create(r->child->pid, &r->hold)) {
		r->loop.held = hold_fd(r->hold);
		session_hold(r->run.session, true);
	}
}

/* A program of the command waits: it may begin once its interpreter, if it is one, is known. */
static void answer(struct running *r)
{
	pid_t pid = hold_waiting(r->hold);
	bool last = pid && (session_prepare(r->run.session, pid) || r->expected);

	if (!pid)
		return;
	if (last)
		session_hold(r->run.session, false);
	hold_answer(r->hold, last);
}

static int start(struct running *r)
{
	const struct run_options *o = r->options;
	struct session_options session = o->session;
	int err;

	targets_configure(o->targets, &session);
	session.stats = o->stats;
	if (o->targets->command) {
		err = spawn_prepare(o->targets->command, r->child);
		if (err)
			return err;
	}
	err = session_open(&session, r->ops->record, r->ctx, &r->run.session);
	r->run.opened = loop_now();
	if (!err)
		err = follow_targets(r);
	if (!err)
		err = loop_init(&r->loop, session_fd(r->run.session), POLL_MS);
	r->run.start = loop_now();
	if (!err)
		err = r->ops->begin(r->ctx, &r->run);
	if (!err)
		err = session_start(r->run.session);
	if (!err && r->ops->started)
		r->ops->started(r->ctx);
	if (!err)
		hold(r);
	if (!err && o->targets->command)
		err = spawn_release(r->child, o->targets->command[0]);
	if (o->seconds > 0)
		r->deadline = r->run.start + (uint64_t)(o->seconds * 1e9);
	return err;
}

/*
 * A signal ends the run. With a started command it is passed on first (unless the terminal has sent it to both), and
 * the run ends with the command; a second signal does not wait for that.
 */
static bool stopped(struct running *r)
{
	if (!r->loop.stop)
		return false;
	r->loop.stop = false;
	if (!r->options->targets->command || spawn_reap(r->child, false) || r->stops++)
		return true;
	if (!r->loop.from_terminal)
		kill(r->child->pid, r->loop.stop_signal);
	return false;
}

/* All targets are gone; looking at the whole machine has no such end. */
static bool targets_gone(struct running *r)
{
	const struct targets *t = r->options->targets;

	if (t->all || t->cgroup)
		return false;
	if (t->command && !spawn_reap(r->child, false))
		return false;
	return !session_alive(r->run.session);
}

static void run(struct running *r)
{
	bool more = false;

	for (;;) {
		uint64_t now;

		loop_wait(&r->loop, !more);
		more = session_poll(r->run.session);
		answer(r);
		now = loop_now();
		if (r->ops->round && !r->ops->round(r->ctx, &r->run, now))
			return;
		if (stopped(r) || targets_gone(r) || (r->deadline && now >= r->deadline))
			return;
	}
}

/* Programs that targets executed, which began before their probes were there. */
static void remark_unseen(const struct session_unseen *unseen)
{
	const struct units first = units_ns(unseen->longest_ns, 0);

	if (unseen->pid && unseen->programs == 1)
		remark("process %d executed another program: events of its first %s were not seen", unseen->pid, first.text);
	else if (unseen->pid)
		remark("process %d executed other programs %u times: events of the first %s of each, at most, were not seen",
		       unseen->pid, unseen->programs, first.text);
	else if (unseen->programs)
		remark("%u programs were executed whose events of the first %s, at most, were not seen", unseen->programs, first.text);
}

static int finish(struct running *r)
{
	struct session_unseen unseen;
	uint64_t unfollowed;
	int err;

	hold_destroy(r->hold);
	r->hold = NULL;
	r->run.end = loop_now();
	session_stop(r->run.session);
	while (session_poll(r->run.session))
		;
	err = r->ops->end(r->ctx, &r->run);
	unfollowed = session_count(r->run.session, SCRY_COUNT_UNFOLLOWED);
	unseen = session_unseen(r->run.session);
	remark_unseen(&unseen);
	if (unfollowed)
		remark("%s processes not followed: too many at a time", units_grouped(unfollowed, 0).text);
	if (r->options->stats) {
		session_print_stats(r->run.session, stderr);
		costs_print(stderr, r->run.end - r->run.start);
	}
	return err;
}

int run_targets(const struct run_options *options, const struct run_ops *ops, void *ctx, struct spawn *child)
{
	struct running r = {
		.options = options, .ops = ops, .ctx = ctx, .child = child, .loop = { .signals = -1, .timer = -1 },
	};
	int err = start(&r);

	if (!err) {
		run(&r);
		err = finish(&r);
	} else {
		hold_destroy(r.hold);
		spawn_abandon(child);
	}
	session_close(r.run.session);
	loop_deinit(&r.loop);
	return err;
}
