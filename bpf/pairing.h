/* SPDX-License-Identifier: GPL-2.0-only */
/* The pairing of calls: what the programs at their probes (bpf/calls.bpf.c) ask of bpf/pairing.bpf.c. */
#ifndef SCRY_BPF_PAIRING_H
#define SCRY_BPF_PAIRING_H

#include "at.h"

#define CALL_CLAIMED 1 /* no frame's address: the entry is being filled */

static __always_inline __u32 call_set(__u64 frame, __u32 instance)
{
	return ((frame >> 4) + ((__u64)instance << 40)) * 0x9e3779b97f4a7c15ULL >> (64 - CALL_SET_BITS);
}

static __always_inline int set_way(const struct scry_call_set *set, __u64 frame, __u32 instance)
{
	for (int i = 0; i < SCRY_CALL_WAYS; i++)
		if (set->frame[i] == frame && set->call[i].instance == instance)
			return i;
	return -1;
}

static __always_inline int set_search(__u32 which, __u64 frame, __u32 instance, bool *spilled)
{
	struct scry_call_set *set = bpf_map_lookup_elem(&calls, &which);
	int way = set ? set_way(set, frame, instance) : -1;

	*spilled = set && set->spilled;
	return way < 0 ? -1 : (int)(which * SCRY_CALL_WAYS) + way;
}

/* A way of the set that was free, and is ours now; -1: none. */
static __always_inline int set_claim(struct scry_call_set *set)
{
	for (int i = 0; i < SCRY_CALL_WAYS; i++)
		if (!set->frame[i] && !__sync_val_compare_and_swap(&set->frame[i], 0, CALL_CLAIMED))
			return i;
	return -1;
}

/* Where in `calls` the call with this frame is; -1: there is none. */
int call_index(__u64 frame, __u32 instance);

/* What is there. */
static __always_inline struct scry_call *call_at(int index)
{
	__u32 way = index & (SCRY_CALL_WAYS - 1), which = (__u32)index / SCRY_CALL_WAYS;
	struct scry_call_set *set = index < 0 ? 0 : bpf_map_lookup_elem(&calls, &which);

	if (!set)
		return 0;
	barrier_var(way); /* else the address is computed before, which the verifier refuses */
	return &set->call[way & (SCRY_CALL_WAYS - 1)];
}

static __always_inline struct scry_call *call_find(struct scry_at *at, __u64 frame)
{
	return call_at(call_index(frame, at->instance));
}

static __always_inline void call_remove(int index)
{
	__u32 way = index & (SCRY_CALL_WAYS - 1), which = (__u32)index / SCRY_CALL_WAYS;
	struct scry_call_set *set = bpf_map_lookup_elem(&calls, &which);

	if (set)
		*(volatile __u64 *)&set->frame[way] = 0;
}

/* Its index, or -1: there is no room. */
int call_put(__u64 frame, const struct scry_call *call);

/* The frame in s->here begins to run, for the first time or again. */
int call_enter(struct scry_thread *thread, __u32 slot);

/* The call at `index`, with this frame, ends or is suspended (enum scry_call_type); calls above it, too, by an exception. */
int call_leave(struct scry_thread *thread, __u64 frame, int index, __u32 type, __u32 slot);

/*
 * A frame ends that is not in `calls`: because of a filter, because the call began before scry came, or because it is the
 * interpreter's own, or because its body never began (what __init__ is called by; a generator closed before). Only the second
 * is worth telling.
 */
int call_unpaired(struct scry_thread *thread, __u64 frame, __u32 slot);

/*
 * This frame is running: all calls between the innermost one known and it are gone without having been told, left by an exception.
 * Where it is not among the callers, another stack was switched to (greenlets): they stay, but for one that an exception has passed
 * and left, and running is the innermost one now.
 */
int call_reconcile(struct scry_thread *thread, __u64 running, __u32 slot);

/* An exception passes this frame; `object` is its frame object. */
int call_passed(struct scry_thread *thread, __u64 frame, __u64 object, __u32 slot);

/*
 * To 3.10 the eval function returns: thread->top is made what it has run, if that is the innermost call of another stack. Not 0: it
 * is not known, and not the innermost call.
 */
int call_switch(struct scry_thread *thread, __u32 slot);

/* With config.count_only: the frame in s->here begins to run, at a RESUME or not. instruction: that RESUME, 0: not known. */
int call_count(struct scry_thread *thread, __u32 slot, __u64 instruction, __u32 resume);

#endif
