/* SPDX-License-Identifier: GPL-2.0-only */
/* The record of an event, taken apart: everything in it is checked against the record's size. */
#ifndef SCRY_EVENTS_H
#define SCRY_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/wire.h"

/* A text of SCRY_EVENT_TEXT characters of any kind, as UTF-8, and its NUL. */
#define EVENT_TEXT_SIZE (SCRY_EVENT_TEXT * 3 + 1)

struct event {
	enum scry_event_kind kind;
	enum scry_call_type type;	/* of a call */
	uint64_t time;			/* CLOCK_MONOTONIC, ns */
	uint32_t pid, tid, depth;
	uint64_t duration_ns, own_ns;
	int64_t number, number2, number3;	/* as in struct scry_event */
	const struct scry_sample *sample;
	const struct scry_frame *frames; /* leaf first; in the record */
	uint32_t frame_count;
	enum scry_walk_error error;	/* why there are not more frames */
	const void *values;		/* of a call, struct scry_value: its arguments, or what it returned; in the record */
	uint32_t value_bytes;		/* 0: none */
	char text[2][EVENT_TEXT_SIZE];	/* "": none. Raw text of the target, not escaped; bytes that are no UTF-8 stay */
};

/* size: of the whole record. 0; -EINVAL: not a well-formed event. */
int event_decode(const struct scry_record *record, size_t size, struct event *ret);

extern const char *const event_kind_names[SCRY_EVENT_COUNT]; /* "cpu", "call", ... */
/* What Lua's collector did, "step" or "full"; NULL: the number is a generation, or -1. */
const char *event_gc_work(int64_t number);

/* Of a call: does it tell that one begins, or goes on? Then it has no duration yet. */
bool event_call_begins(const struct event *event);
extern const char *const event_call_names[];	  /* "entry", "resume", "return", "yield", "unwind" */

#endif
