/* SPDX-License-Identifier: GPL-2.0-only */
/* Knobs set by user space before loading: constants to the verifier, so what is switched off costs nothing. */
#ifndef SCRY_CONFIG_H
#define SCRY_CONFIG_H

#include <linux/types.h>

#include "glob.h"

/* Sizes that user space sets. */
#define SLOTS_PER_CPU 4		/* scratch areas for programs that can be preempted: bpf/slots.h */
#define CALL_SET_BITS 14		/* sets of calls that run at a time, 2 to the power of */
#define CALL_SETS     (1 << CALL_SET_BITS)
#define MAX_FUNCTIONS 16384	/* with statistics */
#define MAX_LINES     65536
#define MAX_VERDICTS  (1 << 20) /* code objects with a verdict of the name filter */
#define MAX_BINARIES  64	/* interpreters: as many as bits in a value of the map `targets` */

#define SCRY_PROBED_ANYWHERE (~0ULL) /* there: probes are wherever a binary is run */

struct scry_config {
	__u8 all;	     /* every process of the machine (or of the cgroup) */
	__u8 children;	   /* follow processes that followed ones fork */
	__u8 tids;	   /* only threads in the map `tids` */
	__u8 glob;	   /* only threads whose comm matches comm_glob */
	__u8 stream;	     /* events: send each one */
	__u8 aggregate;	     /* events: keep statistics */
	__u8 stack;	     /* events: send the whole stack, not only the function */
	__u8 keep_dropped;   /* calls: functions that are filtered out take part in pairing */
	__u8 args, ret;	     /* calls: arguments, values returned */
	__u8 count_only;     /* calls: entries are counted, nothing is timed */
	__u8 native, kernel; /* stacks: frames of C, of the kernel */
	__u8 runtimes;	     /* bits 1 << enum scry_runtime: those that a target may have; walkers of others are not loaded */
	__u32 pid_namespace; /* inode number of scry's own; 0: the initial one */
	__u32 max_stack;     /* frames */
	__u32 cgroup_level; /* depth of the cgroup below the root; 0: no cgroup filter */
	__u64 cgroup_id;
	__u32 cpus;	  /* possible ones: programs that can be preempted use the scratch slots from there on */
	__u32 events;	  /* bits 1 << enum scry_event_kind, besides the clock */
	__u64 min_duration_ns; /* events: shorter ones are not sent */
	__u32 max_depth;  /* calls: deeper ones are not sent; 0: all */
	__u64 min_wait_ns, max_wait_ns; /* waits: shorter and longer ones are not sent; max 0: none is too long */
	__u32 switch_slots; /* waits: the scratch slots of the programs at the scheduler, one for each CPU, begin there */
	__u8 waits;	  /* time off CPU is told of */
	__u8 wall;	  /* and time on CPU exactly, by struct scry_sample.ran */
	__u8 gil;	  /* samples tell whether their thread holds the interpreter's lock */
	__u8 waker;	  /* and who ended the wait */
	__u8 switch_tells_state; /* the kernel hands the state of the task that leaves to programs at its switch (5.18) */
	__u32 wake_bytes; /* wake the reader when this much waits in the ring buffer */
	char comm_glob[GLOB_SIZE];
};

#ifdef __bpf__
extern const volatile struct scry_config config;
#endif

#endif
