/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads on and off CPU. What is known of a thread lies in storage of its task, so that all other threads of the machine
 * cost one look at an empty pointer. Its stack is taken when it leaves the CPU, while its memory can be read, and kept by key:
 * user space is told of each stack once, whatever its depth.
 */
#ifndef SCRY_BPF_WAITS_H
#define SCRY_BPF_WAITS_H

#include "stack.h"

/* Set by user space: while `waits_on`, from `waits_start` (ns) on, the programs at the scheduler work; then what is open ends at
 * `waits_end` (ns). */
extern __u32 waits_on;
extern __u64 waits_start;
extern __u64 waits_end;

struct scry_thread_time {
	__u64 off;   /* ns: since when it waits; 0: it does not */
	__u64 on;    /* ns: since when it runs; 0: it does not. Its stint since then: bpf/stint.h */
	__s64 ran;   /* ns on CPU that no sample has told of; less than 0: too much was told of */
	__s64 stolen; /* ns taken of its CPU while it was on it, that have not been told of */
	__u64 account; /* ns: the kernel's own of its time on CPU, when it was last seen to enter or leave one */
	__u64 rq;    /* the run queue it is in */
	__s64 taken; /* ns: of that CPU, when its stint began */
	__s64 counted, counted_taken; /* ns of its stint that are in ran and in stolen */
	struct scry_stack_key stack, waker;
	__u64 argument[2];
	__u64 thread; /* pointer */
	__u32 pid, tid, instance;
	__u32 number; /* the kernel's, by which pid and tid are known to be still right */
	__s32 syscall;
	__u8 state, error, runtime, waker_is;
	__u8 whole; /* its stint was seen to begin */
	__u32 waker_pid, waker_tid;
	char waker_comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct scry_thread_time);
} thread_times SEC(".maps") __weak;

/* Stacks that user space has been told of. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, struct scry_stack_key);
	__type(value, __u8);
} stacks SEC(".maps") __weak;

/* The scratch slot of the programs at the scheduler. */
static __always_inline __u32 switch_slot(void)
{
	return config.switch_slots + bpf_get_smp_processor_id();
}

/* Have a key for the stack in s->sample and behind it, in s->intern.key, and user space know it. An enum scry_walk_error. */
int stack_intern(__u32 slot);

/* Take how long the current task has run since its last sample: ns. 0: it is not followed. */
__u64 wait_ran(__u64 now);

#endif
