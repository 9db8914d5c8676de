/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run of a session: targets are followed (a command is started), records handed over as they come, until time is up, the
 * targets are gone, or a signal says so. What is made of the records is the business of record, trace and stat.
 */
#ifndef SCRY_RUN_H
#define SCRY_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"
#include "spawn.h"
#include "targets.h"

struct run_options {
	struct session_options session; /* whom it follows is taken from `targets` */
	const struct targets *targets;
	double seconds;		/* 0: until stopped, or until the targets are gone */
	bool stats;		/* at the end: what scry itself used, on stderr */
};

/* CLOCK_MONOTONIC, ns */
struct run {
	struct session *session;
	uint64_t opened;	/* before the first probe was in place */
	uint64_t start;		/* everything is in place */
	uint64_t end;		/* nothing is any more; 0 before */
};

struct run_ops {
	session_handler *record;
	/* Everything is in place; the clock (if any) and the started command begin to run next. 0 or -errno, reported. */
	int (*begin)(void *ctx, const struct run *run);
	/* From now on nothing is missed; the place to say so. May be NULL. */
	void (*started)(void *ctx);
	/* What waited has been handed over; called at least every 50 ms. false: that is enough. May be NULL. */
	bool (*round)(void *ctx, const struct run *run, uint64_t now);
	/* Nothing is attached any more, all records have been handed over; the maps can still be read. 0 or -errno, reported. */
	int (*end)(void *ctx, const struct run *run);
};

/*
 * child (zeroed by the caller) is the started command, which may still run afterwards: its status is the caller's to reap.
 * 0 or -errno, reported.
 */
int run_targets(const struct run_options *options, const struct run_ops *ops, void *ctx, struct spawn *child);

#endif
