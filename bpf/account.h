/* SPDX-License-Identifier: GPL-2.0-only */
/* What is counted of a call, and what user space is told of it. */
#ifndef SCRY_BPF_ACCOUNT_H
#define SCRY_BPF_ACCOUNT_H

#include "at.h"
#include "tally.h"

/* Room that nothing has now; SCRY_NO_STAT: there is none. */
static __always_inline __u32 stat_take(void)
{
	__u32 index;

	if (!bpf_map_pop_elem(&stats_free, &index))
		return index;
	if (stats_used >= MAX_FUNCTIONS - 1)
		return SCRY_NO_STAT;
	index = __sync_fetch_and_add(&stats_used, 1) + 1;
	return index < MAX_FUNCTIONS ? index : SCRY_NO_STAT;
}

/* Where the statistics of a code object are kept; SCRY_NO_STAT: there is no room. */
static __noinline __u32 stat_of(__u32 code)
{
	__u32 *known = bpf_map_lookup_elem(&stat_of_code, &code), index;
	struct scry_call_stat *stat;

	if (known)
		return *known;
	index = stat_take();
	stat = stat_at(index);
	if (!stat)
		return SCRY_NO_STAT;
	stat->code = code;
	if (!bpf_map_update_elem(&stat_of_code, &code, &index, BPF_NOEXIST))
		return index;
	stat->code = 0; /* another CPU was first, or there is no memory */
	bpf_map_push_elem(&stats_free, &index, BPF_ANY);
	known = bpf_map_lookup_elem(&stat_of_code, &code);
	return known ? *known : SCRY_NO_STAT;
}

static __always_inline void stat_resume(__u32 index)
{
	struct scry_call_stat *stat = stat_at(index);

	if (stat)
		__sync_fetch_and_add(&stat->resumes, 1);
}

/* Its own time is total - callees. */
static __always_inline void stat_add(const struct scry_call *call, bool failed, __u64 total, __u64 callees)
{
	struct scry_call_stat *stat = stat_of_call(call) ?: stat_at(stat_of(call->code));

	if (stat)
		stat_put(stat, call->resumed, failed, total, callees);
	else
		count(SCRY_COUNT_UNTRACKED);
}

/* Arguments where it begins, a value where it ends; 0: the event has none. */
static __always_inline void tell_values(struct scry_at *at, __u64 frame, enum scry_call_type type)
{
	if (config.args && type == SCRY_CALL_ENTRY)
		python_arguments(frame, at->slot);
	if (config.ret && (type == SCRY_CALL_RETURN || type == SCRY_CALL_YIELD) && at->s->event.value)
		python_value(at->s->event.value, at->slot);
}

/*
 * How to tell: that is all, or with config.stack the callers too, which can only be looked for from the program itself, since the
 * walk through Lua's stack goes deep: lua_tell() does it.
 */
enum tell { TELL_PYTHON, TELL_LUA, TELL_LUA_BARE };

static __always_inline int call_tell(struct scry_at *at, __u64 frame, struct scry_call *call, enum scry_call_type type,
				     __u64 duration, __u64 own, enum tell tell)
{
	struct scry_event *event;

	if (config.max_depth && call->depth >= config.max_depth)
		return 0;
	if (config.min_duration_ns && duration < config.min_duration_ns)
		return 0;
	if (code_dropped(call->code))
		return 0;
	if (config.stack && tell == TELL_LUA) {
		at->s->lua.told = (struct lua_told){ at->now, duration, own, type, call->depth, 1, call->tail };
		return 0;
	}
	event = tell == TELL_PYTHON ? at_event(at, SCRY_EVENT_CALL) : at_record(at, SCRY_EVENT_CALL);
	event->type = type;
	event->depth = call->depth;
	event->duration_ns = duration;
	event->own_ns = own;
	if (tell == TELL_PYTHON)
		tell_values(at, frame, type);
	at_send(at, event->value_bytes);
	return 0;
}

/* Its end, or that it is suspended. */
static __always_inline void call_tell_end(struct scry_at *at, __u64 frame, struct scry_call *call, enum scry_call_type type,
					  __u64 total, __u64 own, enum tell tell)
{
	at->s->frames[0].code = call->code;
	at->s->frames[0].at = SCRY_AT_NONE;
	at->s->walk.count = 1;
	at->s->walk.error = SCRY_WALK_OK;
	at->s->here.caller = call->caller;
	call_tell(at, frame, call, type, total, own, tell);
}

/* That it begins, or goes on, at this place of its code. */
static __always_inline void call_tell_begin(struct scry_at *at, __u64 frame, struct scry_call *call, __s32 where,
					    enum scry_call_type type, enum tell tell)
{
	at->s->walk.count = 1;
	at->s->frames[0].code = call->code;
	at->s->frames[0].at = where;
	/* Calls that were found to be over have been told of in between. */
	at->s->walk.error = SCRY_WALK_OK;
	at->s->here.caller = call->caller;
	call_tell(at, frame, call, type, 0, 0, tell);
}

#endif
