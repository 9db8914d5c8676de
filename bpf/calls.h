/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls: entries and exits paired by frame, so that durations are right through generators (running and suspended time
 * apart), recursion, exceptions that unwind several frames, stack switching (greenlets) and attaching in the middle.
 *
 * Running calls are in `calls`, by the address of their frame; each knows its caller's frame, and a thread its
 * innermost one. Where an interpreter tells of no exit (3.11, 3.12: frames left by an exception), it is noticed at the next event
 * of the thread: all that lies between the innermost frame known and the one that is running now is gone.
 */
#ifndef SCRY_BPF_CALLS_H
#define SCRY_BPF_CALLS_H

#include "hist.h"
#include "maps.h"
#include "python.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u32);
	__type(value, struct scry_call_set);
} calls SEC(".maps") __weak;

#define SCRY_STACKS 32 /* of a thread that are known; a power of two */
#define SCRY_MAX_IMPORTS 64 /* nested; deeper ones are not told. A power of two */

/* Counting alone: RESUME that a thread has executed last (bpf/resume.bpf.c). */
struct scry_resume {
	__u64 frame;
	__u64 version;	  /* of the instrumentation of its code, */
	__u64 current;	  /* and of the interpreter, */
	__u64 version_at; /* which is there; 0: not known */
	__u32 code;
	__u32 copy, home; /* of the bytecode: the frame's, and 1 more than the thread's; 0: not known */
	__u8 resumed;	  /* not the beginning, but a generator's going on */
	__u8 outdated;	  /* version is not the current one */
	__u8 pad[2];
};

/* What is known of a thread. */
struct scry_thread {
	__u64 top;	/* innermost frame */
	__u64 state;	/* the interpreter's, where it was looked for when a call began last */
	__u64 thrown;	/* Lua: ns: when an error was thrown last whose effects have not been seen; 0: none */
	__u64 value_frame, value; /* a frame that is about to be popped, and the object it returns */
	__u64 exception;    /* that was raised last: only to be compared */
	__u64 passed_code;  /* code object of the frame that one passed last */
	__u64 passed;	    /* frame object of the frame that an exception passed last; 0: none */
	__u64 passed_since; /* struct scry_call.since of its call */
	__u64 elsewhere[SCRY_STACKS]; /* innermost frames of stacks that the thread has switched away from (greenlets); 0: none */
	__u32 elsewhere_at; /* where the next goes */
	__u32 left_out; /* functions that run and are left out by name, where the eval function tells of ends */
	__u32 depth;	/* frames running, as far as seen */
	__u32 instance;
	__u32 lives;	/* `lives` when the process was looked up last; it is still the same, then so are these: */
	__u32 binary;
	__u64 bias;
	__u64 gc_since; /* ns; 0: no collection is running */
	__s64 gc_generation;
	__u64 gc_collected_at; /* where the collector counts, 0: not known */
	__u64 gc_uncollectable_at;
	__u64 gc_frame;	 /* where the collector's function has its return address, 0: not known */
	__u64 gc_return; /* and that */
	__u64 gc_stats_at; /* python_gc_stats() */
	__u64 gc_stats[PYTHON_GC_STATS]; /* what was there when it began */
	__u64 gil_held_since, gil_waits_since; /* ns; 0: it does not */
	struct scry_resume resume;
	__u32 imports; /* running, the outermost first */
	__u8 gc_counted; /* its statistics tell what it has done */
	__u8 gc_works;	 /* it will not come to nothing */
	__u8 pad[2];
	struct {
		__u64 since, nested; /* ns */
		__u64 modules;	     /* loaded when it began */
		__u64 name;	     /* where the end does not tell it: as the site says, a str or a C string */
		__u64 relative;	     /* to the package of the importing module */
	} import[SCRY_MAX_IMPORTS];
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct scry_thread);
} threads SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u32);
	__type(value, struct scry_call_stat);
} call_stats SEC(".maps") __weak;

/* Which of them a code object has; and those that user space has taken back, beside the ones never used (stats_used). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u32);	/* code */
	__type(value, __u32);
} stat_of_code SEC(".maps") __weak;
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 1); /* set at load */
	__type(value, __u32);
} stats_free SEC(".maps") __weak;

/* Filters by name, decided by user space once for each code object: enum scry_verdict. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u32);
	__type(value, __u8);
} verdicts SEC(".maps") __weak;

#endif
