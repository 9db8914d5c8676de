/* SPDX-License-Identifier: GPL-2.0-only */
/* Statistics of one kind of event: calls and lines are counted in the kernel, the others as they come. */
#ifndef SCRY_STAT_H
#define SCRY_STAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "run.h"
#include "stat_rows.h"
#include "watch.h"

struct stat_options {
	struct run_options run;
	struct watch_filter filter;
	enum scry_event_kind kind;
	enum stat_sort sort;
	unsigned long limit; /* rows shown; 0: all */
	double interval;     /* seconds between two tables; 0: only one, at the end */
	bool json, hist, quiet;
	bool count;	     /* of calls only their number, and that of resumptions, is known */
	bool color, rewrite; /* to a terminal: the table stays in its place */
	FILE *to;
};

struct statistics {
	const struct stat_options *options;
	struct watch watch;
	struct stat_rows rows;
	struct stat_rows causes; /* functions in which collections began; gil: threads, by pid (line) and tid (number) */
	uint32_t collector;	 /* of rows.texts: of the process whose collection was seen last; 0: not known */
	bool collectors_differ;	 /* not all processes have the same: then each row says its own */
	uint64_t duration_ns;	 /* until now */
	uint64_t lost;
	uint64_t shown; /* CLOCK_MONOTONIC, ns: when the last table was written */
	struct event event;
};

/* 0 or -errno, reported. child as in run_targets. */
int stat_run(const struct stat_options *options, struct spawn *child);

/* The parts, also for tests by hand. */
int stat_init(struct statistics *stat, const struct stat_options *options);
void stat_deinit(struct statistics *stat);
void stat_take(struct statistics *stat, const struct scry_record *record, size_t size);
void stat_set_collector(struct statistics *stat, const char *name); /* of what is taken from now on */
void stat_add_calls(void *stat, const struct scry_call_stat *calls); /* a session_each_stat callback */
void stat_add_running(void *stat, const struct scry_call *call);			     /* a session_each_call callback */
void stat_add_line(void *stat, const struct scry_line *line, uint64_t times);	     /* a session_each_line callback */

/* The table, or one JSON object. 0 or -ENOMEM. */
int stat_text(const struct statistics *stat);
int stat_json(const struct statistics *stat);

#endif
