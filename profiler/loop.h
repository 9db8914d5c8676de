/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting: for records, for the clock, for signals. Signals come as events, so that no code of scry runs in a handler and
 * Ctrl-C ends a recording between two records.
 */
#ifndef SCRY_LOOP_H
#define SCRY_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct loop {
	int signals, timer, records;
	int held; /* one more descriptor that may become readable; -1 at first */
	sigset_t mask; /* as before */
	bool blocked;
	bool stop;	    /* SIGINT or SIGTERM came */
	int stop_signal;
	bool from_terminal; /* by a key: the started command, if any, has got it too */
	bool child;	    /* SIGCHLD came */
};

/* records: a descriptor that is readable when records wait; period_ms: how often to come by at least. Blocks the signals
 * for the whole process. 0 or -errno, reported. */
int loop_init(struct loop *loop, int records, unsigned int period_ms);
/* Signals act as before from here on. */
void loop_deinit(struct loop *loop);

/* Sleep until something happens (or, not sleeping, see what has); sets stop and child. */
void loop_wait(struct loop *loop, bool sleep);

uint64_t loop_now(void); /* CLOCK_MONOTONIC, ns: the clock of the records */

#endif
