/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The common case of calls that are counted, not told one by one: a plain function (neither generator nor coroutine) is called by
 * the innermost one that runs, and returns. What a thread's earlier hits have told is kept, so that no scratch is needed and
 * of the target only what is new is read. Whatever is not that simple is left to the long way, before anything is changed.
 */
#ifndef SCRY_BPF_PLAIN_H
#define SCRY_BPF_PLAIN_H

#include "pairing.h"

/*
 * What is known of code objects, for each CPU. Programs at probes can be preempted by others of their kind: a slot is being changed while
 * `changes` is odd, and what was read of it is whole if that has not moved meanwhile.
 */
#define PLAIN_CODES 2048 /* power of two */
struct scry_plain_code {
	__u64 address;
	__u32 instance, generation; /* of the process, and of its code objects */
	__u32 code, stat;
	__u32 changes;
	__u32 version;	  /* counting alone: the interpreter's of instrumentation, which the code had too, */
	__u64 version_at; /* and where that is; 0: not to be looked at */
};
struct scry_plain_codes {
	struct scry_plain_code slot[PLAIN_CODES];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CPUs, set at load */
	__type(key, __u32);
	__type(value, struct scry_plain_codes);
} plain_codes SEC(".maps") __weak;

static __always_inline struct scry_plain_code *plain_slot(__u64 address)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct scry_plain_codes *codes = bpf_map_lookup_elem(&plain_codes, &cpu);

	return codes ? &codes->slot[(address >> 4 ^ address >> 15) & (PLAIN_CODES - 1)] : 0;
}

/*
 * The code object in `here`, if it is a plain function's, has this id and these statistics. It is to be found by an address in it:
 * its own, or the only one at which it is entered.
 */
static __always_inline void plain_learn(struct scry_at *at, const struct scry_here *here, __u64 address, __u32 stat)
{
	const struct scry_resume *resume = &at->thread->resume;
	struct scry_plain_code *slot = here->generator || !config.aggregate || resume->outdated ? 0 : plain_slot(address);
	__u32 changes;

	if (!slot)
		return;
	changes = *(volatile __u32 *)&slot->changes;
	if (changes & 1 || __sync_val_compare_and_swap(&slot->changes, changes, changes + 1) != changes)
		return;
	slot->address = address;
	slot->instance = at->instance;
	slot->generation = at->s->walk.generation;
	slot->code = here->code;
	slot->stat = stat;
	slot->version = resume->current;
	slot->version_at = resume->version_at;
	barrier();
	*(volatile __u32 *)&slot->changes = changes + 2;
}

/*
 * What the programs do first. 0: nothing has been done, go the long way. Global functions with little on their stack: one of 64 bytes
 * or more is not the task's stack (since 6.13), and reading into that takes the kernel twice as long.
 */

/* A frame begins to run; 0: the current one. */
int plain_enter(__u64 frame);

/* A frame returns; 0: the current one. */
enum plain_exit {
	PLAIN_RETURNS,	/* certainly not by an exception */
	PLAIN_PASSED,	/* by one only if one has passed it: PyTraceBack_Here is watched */
	PLAIN_ASK,	/* the thread state says whether by one */
};
int plain_leave(__u64 frame, __u32 how);

/* To 3.10 the eval function returns, and that with a value: what ends is the innermost call. */
int plain_leave_eval(void);

/*
 * With config.count_only: a frame begins to run; 0: the current one. Of its code object the address, and that of the RESUME which is
 * executed, where they are known.
 */
int plain_count(__u64 frame, __u64 code, __u64 instruction);

#endif
