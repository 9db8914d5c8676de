// SPDX-License-Identifier: GPL-2.0-only
/* The pairing of calls of Lua functions: what bpf/lua_calls.bpf.c asks of it. */
#include "account.h"
#include "lua_pairing.h"
#include "pairing.h"

/* ---- with callers ---- */

__noinline int lua_tell_begin(struct scry_thread *thread, __u32 slot)
{
	struct scry_at at;
	bool below;

	if (!at_again(&at, thread, slot))
		return 0;
	at.s->lua.told.wanted = 0;
	below = !lua_enter(at.pid, slot) && !lua_begin_at(at.s->lua.state, at.s->lua.below, slot, at.s->lua.told.type == SCRY_CALL_YIELD);
	lua_begin_stack(slot);
	return below;
}

__noinline int lua_tell_end(struct scry_thread *thread, __u32 slot)
{
	struct scry_event *event;
	struct scry_at at;

	if (!at_again(&at, thread, slot))
		return 0;
	at.now = at.s->lua.told.now;
	event = at_record(&at, SCRY_EVENT_CALL);
	event->type = at.s->lua.told.type;
	event->depth = at.s->lua.told.depth;
	event->duration_ns = at.s->lua.told.duration;
	event->own_ns = at.s->lua.told.own;
	at_send(&at, 0);
	return 0;
}

/* ---- the end ---- */

/* The innermost call of the thread is this one now; 0, or one that is not known: none. */
static __always_inline void set_top(struct scry_at *at, __u64 frame)
{
	struct scry_call *call = frame ? call_find(at, frame) : 0;

	at->thread->top = call ? frame : 0;
	at->thread->depth = call ? call->depth + 1 : 0;
}

static __always_inline void charge(struct scry_at *at, __u64 frame, __u64 ns)
{
	struct scry_call *call = frame ? call_find(at, frame) : 0;

	if (call)
		call->callees += ns;
}

/* How long it ran until `until`. */
static __always_inline __u64 ran_until(const struct scry_call *call, const struct scry_strand *strand, __u64 until)
{
	__u64 total = until - call->since - (strand->waited - call->ran);

	return until > call->since && total < until ? total : 0;
}

/* The call at `index` is over. Where its coroutine is suspended it will never go on, which is counted, but nothing that happens now. */
static __always_inline int end(struct scry_thread *thread, int index, __u32 type, __u32 slot, bool walk)
{
	struct scry_call *call = call_at(index);
	struct scry_strand *strand;
	__u64 until, total, up;
	struct scry_at at;
	__u32 which;
	bool gone;

	if (!call || !at_again(&at, thread, slot))
		return 0;
	which = call->strand;
	strand = strand_at(which);
	if (!strand)
		return 0;
	gone = strand->suspended;
	until = gone ? strand->since : at.now;
	if (type == SCRY_CALL_UNWIND && thread->thrown > call->since && !gone)
		until = thread->thrown;
	total = ran_until(call, strand, until);
	up = call->bottom ? strand->resumer : call->caller;
	if (gone) {
		if (call_index(strand->top, at.instance) == index)
			strand->top = call->bottom ? 0 : call->caller;
	} else {
		charge(&at, up, call->bottom && strand->since > call->since ? until - strand->since : total);
		set_top(&at, up);
	}
	if (strand->running-- <= 1)
		call_remove(which);
	if (config.aggregate && !code_dropped(call->code))
		stat_add(call, type == SCRY_CALL_UNWIND, total, call->callees < total ? call->callees : total);
	at.now = until;
	if (config.stream && !gone)
		call_tell_end(&at, 0, call, type, total, call->callees < total ? total - call->callees : 0,
			      walk ? TELL_LUA : TELL_LUA_BARE);
	call_remove(index);
	return 0;
}

__noinline int lua_end(struct scry_thread *thread, int index, __u32 type, __u32 slot)
{
	return end(thread, index, type, slot, true);
}

/* The same without its callers, for functions from which a walk would be too deep. */
__noinline int lua_end_bare(struct scry_thread *thread, int index, __u32 type, __u32 slot)
{
	return end(thread, index, type, slot, false);
}

/* ---- what errors have left ---- */

/*
 * The innermost call of the thread, if it is over: it lies deeper than the function at s->lua.level (with `reused`: or in the same
 * place, which another has now). -1: it is not.
 */
__noinline int lua_stale(struct scry_thread *thread, __u32 slot, __u32 reused)
{
	struct scry_strand *strand;
	struct scry_call *call;
	struct scry_at at;
	int index, level;

	if (!at_again(&at, thread, slot) || !thread->top)
		return -1;
	index = call_index(thread->top, at.instance);
	call = call_at(index);
	strand = call ? strand_at(call->strand) : 0;
	if (!strand) {
		thread->top = 0;
		return -1;
	}
	if (strand->state == at.s->lua.state)
		level = at.s->lua.level - (reused ? 1 : 0);
	else /* a coroutine that has ended by an error, or one that has resumed this one */
		level = lua_nearest(at.s->walk.binary, slot, strand->state);
	return call->level > level ? index : -1;
}

__noinline int lua_settle_some(struct scry_thread *thread, __u32 slot, __u32 reused)
{
	for (int i = 0; i < SETTLE_ROUNDS; i++) {
		int index = lua_stale(thread, slot, reused);

		if (index < 0)
			return 0;
		lua_end_bare(thread, index, SCRY_CALL_UNWIND, slot);
	}
	return 1;
}

__noinline int lua_settle_many(struct scry_thread *thread, __u32 slot, __u32 reused)
{
	for (int i = 0; i < SETTLE_ROUNDS; i++)
		if (!lua_settle_some(thread, slot, reused))
			return 0;
	return 1;
}

/* ---- coroutines ---- */

/* The lua_State of s->lua suspends itself. */
__noinline int lua_suspend(struct scry_thread *thread, __u32 slot)
{
	struct scry_strand *strand;
	struct scry_call *call;
	struct scry_at at;
	__u64 total;

	if (!at_again(&at, thread, slot))
		return 0;
	call = thread->top ? call_find(&at, thread->top) : 0;
	strand = call ? strand_at(call->strand) : 0;
	if (!strand || strand->state != at.s->lua.state || strand->suspended) /* no call of it is known */
		return 0;
	strand->top = thread->top;
	charge(&at, strand->resumer, at.now - strand->since);
	strand->since = at.now;
	strand->suspended = 1;
	set_top(&at, strand->resumer);
	total = ran_until(call, strand, at.now);
	if (config.stream)
		call_tell_end(&at, 0, call, SCRY_CALL_YIELD, total, call->callees < total ? total - call->callees : 0, TELL_LUA);
	return 0;
}

/* It goes on. */
__noinline int lua_resume(struct scry_thread *thread, int index, __u32 slot)
{
	struct scry_strand *strand = strand_at(index);
	struct scry_call *call;
	struct scry_at at;

	if (!strand || !at_again(&at, thread, slot))
		return 0;
	strand->waited += at.now - strand->since;
	strand->since = at.now;
	strand->suspended = 0;
	strand->resumer = thread->top;
	call = call_find(&at, strand->top);
	set_top(&at, strand->top);
	if (call && config.aggregate)
		stat_resume(stat_of(call->code));
	if (call && config.stream && !config.min_duration_ns)
		call_tell_begin(&at, 0, call, SCRY_AT_NONE, SCRY_CALL_RESUME, TELL_LUA);
	return 0;
}

/* The innermost call of a coroutine that will never go on; -1: none is known. */
__noinline int lua_abandoned(struct scry_thread *thread, int index, __u32 slot)
{
	struct scry_strand *strand = strand_at(index);
	struct scry_at at;

	if (!strand || !is_suspended(strand) || !at_again(&at, thread, slot) || strand->state != at.s->lua.state)
		return -1;
	return call_index(strand->top, at.instance);
}

#define RETIRED (1ULL << 63)

/* Calls that are left of a lua_State before its memory became another's must not be taken for calls of that. */
__noinline int lua_retire(int index, __u64 state)
{
	__u32 way = index & (SCRY_CALL_WAYS - 1), which = (__u32)index / SCRY_CALL_WAYS;
	struct scry_call_set *set = index < 0 ? 0 : bpf_map_lookup_elem(&calls, &which);

	if (set && set->frame[way] == strand_key(state))
		*(volatile __u64 *)&set->frame[way] = strand_key(state) | RETIRED;
	return 0;
}

/* ---- the beginning ---- */

/* The strand of s->lua.state; -1: no room. */
static __always_inline int strand_of(struct scry_at *at)
{
	struct scry_strand new = { .instance = at->instance, .state = at->s->lua.state, .resumer = at->thread->top,
				   .since = at->now };
	int index = call_index(strand_key(new.state), at->instance);

	return index < 0 ? call_put(strand_key(new.state), (struct scry_call *)&new) : index;
}

/* What else is known by this frame was not seen to end. */
__noinline int lua_replace(struct scry_thread *thread, __u64 frame, __u32 slot)
{
	struct scry_strand *strand;
	struct scry_call *call;
	struct scry_at at;
	__u64 top;
	int index;

	if (!at_again(&at, thread, slot))
		return 0;
	index = call_index(frame, at.instance);
	call = call_at(index);
	strand = call ? strand_at(call->strand) : 0;
	if (!strand)
		return 0;
	top = thread->top == frame ? 0 : thread->top;
	lua_end(thread, index, strand->suspended ? SCRY_CALL_RETURN : SCRY_CALL_UNWIND, slot);
	set_top(&at, top);
	return 0;
}

__noinline int lua_begin_call(struct scry_thread *thread, __u64 frame, __u32 slot)
{
	struct scry_call new = {}, *call;
	struct scry_strand *strand;
	struct scry_at at;
	int index;

	if (!frame || !at_again(&at, thread, slot))
		return 0;
	index = strand_of(&at);
	strand = strand_at(index);
	if (!strand) {
		count(SCRY_COUNT_UNTRACKED);
		return 0;
	}
	new.code = at.s->lua.code;
	new.instance = at.instance;
	new.caller = thread->top;
	new.since = at.now;
	new.ran = strand->waited;
	new.depth = thread->top ? thread->depth : 0;
	new.strand = index;
	new.bottom = !strand->running;
	new.level = at.s->lua.level;
	new.tail = !at.s->lua.plain;
	call = call_at(call_put(frame, &new));
	if (!call) {
		count(SCRY_COUNT_UNTRACKED);
		if (!strand->running)
			call_remove(index);
		return 0;
	}
	strand->running++;
	thread->top = frame;
	thread->depth = new.depth + 1;
	if (config.stream && !config.min_duration_ns)
		call_tell_begin(&at, 0, call, SCRY_AT_NONE, SCRY_CALL_ENTRY, TELL_LUA);
	return 0;
}
