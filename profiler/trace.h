/* SPDX-License-Identifier: GPL-2.0-only */
/* Each event of a session as it happens, written by one of the trace writers. */
#ifndef SCRY_TRACE_H
#define SCRY_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "run.h"
#include "watch.h"

struct trace_options {
	struct run_options run;
	struct watch_filter filter;
	const struct trace_writer *writer;
	uint64_t max_events; /* 0: no bound */
	bool flow;	     /* calls indented by depth */
	bool color, quiet;
	FILE *to;
};

struct trace {
	const struct trace_options *options;
	struct watch watch;
	uint64_t origin; /* CLOCK_MONOTONIC, ns: times are told since then */
	uint64_t shown;	 /* events */
	bool failed;	 /* the output cannot be written any more */
	struct event event;
	struct trace_label {
		const char *of; /* the name that it shows; the codebook's */
		char *text;
	} *labels; /* by function: as the text writer shows it */
	size_t labels_room;
};

struct trace_writer {
	void (*begin)(struct trace *trace); /* may be NULL */
	void (*event)(struct trace *trace, const struct event *event);
};
extern const struct trace_writer trace_text, trace_json;

/* 0 or -errno, reported. child as in run_targets. */
int trace_run(const struct trace_options *options, struct spawn *child);

/* For tests: a trace of records made by hand. */
int trace_init(struct trace *trace, const struct trace_options *options, uint64_t origin);
void trace_begin(struct trace *trace);
void trace_take(struct trace *trace, const struct scry_record *record, size_t size);
void trace_deinit(struct trace *trace);

/* Which events were asked for: bits 1 << enum scry_event_kind. */
unsigned trace_kinds(const struct trace *trace);

#endif
