/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pairing of calls of Lua functions (bpf/lua_pairing.bpf.c), as global functions, which the verifier looks at once. Each is about
 * what is in s->lua of the slot. An index is one in `calls`.
 */
#ifndef SCRY_BPF_LUA_PAIRING_H
#define SCRY_BPF_LUA_PAIRING_H

#include "pairing.h"

/* By what a strand is in the table: never by what stands for a frame, for memory may be the one and then the other. */
static __always_inline __u64 strand_key(__u64 state)
{
	return state | 2;
}

static __always_inline struct scry_strand *strand_at(int index)
{
	return (struct scry_strand *)call_at(index);
}

/* Its place may have been given to a call since, or may be free. */
static __always_inline bool is_suspended(const struct scry_strand *strand)
{
	return !strand->code && strand->running && strand->suspended;
}

/*
 * Tell of a call, as s->lua.told has it: whether there are callers of frames[0], from s->lua.below on, to be walked; and that it is done.
 * The walk lies between them, in the program itself, since it goes deep.
 */
int lua_tell_begin(struct scry_thread *thread, __u32 slot);
int lua_tell_end(struct scry_thread *thread, __u32 slot);

/* With config.stack, tell what one of the functions below has left to be told. */
static __always_inline void lua_tell(struct scry_at *at)
{
	if (!config.stack || !at->s->lua.told.wanted)
		return;
	if (lua_tell_begin(at->thread, at->slot))
		lua_walk(at->pid, at->slot);
	lua_tell_end(at->thread, at->slot);
}

/* The call at `index` is over (enum scry_call_type); _bare: without its callers, for functions from which a walk would be too deep. */
int lua_end(struct scry_thread *thread, int index, __u32 type, __u32 slot);
int lua_end_bare(struct scry_thread *thread, int index, __u32 type, __u32 slot);

/*
 * The innermost call of the thread, if it is over: it lies deeper than the function at s->lua.level (with `reused`: or in the same
 * place, which another has now). -1: it is not.
 */
int lua_stale(struct scry_thread *thread, __u32 slot, __u32 reused);

#define SETTLE_ROUNDS 64 /* nested three times: more than there can be calls in the table */

/* End such calls, many of them, for an error. 1: there may be more. */
int lua_settle_some(struct scry_thread *thread, __u32 slot, __u32 reused);
int lua_settle_many(struct scry_thread *thread, __u32 slot, __u32 reused);

/* The lua_State suspends itself; its strand, at `index`, goes on. */
int lua_suspend(struct scry_thread *thread, __u32 slot);
int lua_resume(struct scry_thread *thread, int index, __u32 slot);

/* The innermost call of a suspended strand that will never go on; -1: none is known. Then it is not found by its lua_State any more. */
int lua_abandoned(struct scry_thread *thread, int index, __u32 slot);
int lua_retire(int index, __u64 state);

/* What else is known by this frame was not seen to end; then the function begins in it. */
int lua_replace(struct scry_thread *thread, __u64 frame, __u32 slot);
int lua_begin_call(struct scry_thread *thread, __u64 frame, __u32 slot);

#endif
