// SPDX-License-Identifier: GPL-2.0-only
/* Collections of garbage: the pause, and what was running when it began. */
#include "at.h"
#include "registers.h"

#include "../runtimes/python/cookie.h"

/* What a probe tells. */
struct gc_seen {
	bool begins, works, ends;
	bool counted, waits; /* begins: PYTHON_COOKIE_STATS, PYTHON_COOKIE_WORLD */
	__s64 number;  /* begins: generation, or enum scry_gc_work; ends: objects collected */
	__u64 collected_at, uncollectable_at;
	__u64 frame;   /* the stack pointer in the collector's function; 0: at a marker */
};

/*
 * What is running already, and calls this, is told alone. A function that an error has left (Lua, of a finalizer) does not return:
 * the address to return to is not in its place any more, sooner or later.
 */
static __always_inline bool gc_is_nested(const struct scry_at *at, const struct gc_seen *seen)
{
	__u64 at_frame = 0;

	return seen->frame && at->thread->gc_since && seen->frame < at->thread->gc_frame &&
	       !walk_read(&at_frame, sizeof(at_frame), at->thread->gc_frame) && at_frame == at->thread->gc_return;
}

/* From here on nobody else collects in this interpreter. */
static __always_inline void gc_count(struct scry_at *at)
{
	struct scry_thread *thread = at->thread;

	thread->gc_works = 1;
	thread->gc_stats_at = python_gc_stats(at->slot);
	if (thread->gc_stats_at && walk_read(thread->gc_stats, sizeof(thread->gc_stats), thread->gc_stats_at))
		thread->gc_stats_at = 0;
}

static __always_inline void gc_work(struct scry_at *at, const struct gc_seen *seen)
{
	struct scry_thread *thread = at->thread;

	if (!thread->gc_since || !thread->gc_counted || thread->gc_works || seen->frame >= thread->gc_frame)
		return;
	thread->gc_since = at->now; /* the callbacks of the program have been called before */
	gc_count(at);
}

/* Which generation has been collected since? The others' numbers are as they were. false: none, it came to nothing. */
static __always_inline bool gc_result(struct scry_at *at, __s64 *collected, __s64 *uncollectable)
{
	__u64 now[PYTHON_GC_STATS];

	if (!at->thread->gc_works)
		return false;
	if (!at->thread->gc_stats_at || walk_read(now, sizeof(now), at->thread->gc_stats_at)) {
		count(SCRY_COUNT_UNREADABLE);
		return false;
	}
	for (int i = 0; i < PYTHON_GC_STATS; i += 3) {
		if (now[i] == at->thread->gc_stats[i])
			continue;
		at->thread->gc_generation = i / 3;
		*collected = now[i + 1] - at->thread->gc_stats[i + 1];
		*uncollectable = now[i + 2] - at->thread->gc_stats[i + 2];
		return true;
	}
	return false;
}

static __always_inline void gc_begin(struct scry_at *at, const struct gc_seen *seen)
{
	if (gc_is_nested(at, seen))
		return;
	at->thread->gc_since = at->now;
	at->thread->gc_generation = seen->number;
	at->thread->gc_collected_at = seen->collected_at;
	at->thread->gc_uncollectable_at = seen->uncollectable_at;
	at->thread->gc_frame = seen->frame;
	at->thread->gc_counted = seen->counted;
	at->thread->gc_works = 0;
	if (seen->frame)
		walk_read(&at->thread->gc_return, sizeof(at->thread->gc_return), seen->frame);
	if (seen->counted && !seen->waits)
		gc_count(at);
}

/* Whom it interrupts. A collection can run with no function below it: at exit, or in a thread that is being set up. */
static __always_inline void gc_look(struct scry_at *at)
{
	struct scry_scratch *s = at->s;

	if (config.runtimes & 1 << SCRY_RUNTIME_LUA && s->sample.runtime == SCRY_RUNTIME_LUA) {
		s->here.caller = 0;
		if (lua_enter(at->pid, at->slot)) {
			s->walk.count = 0;
			return;
		}
		if (!config.stack)
			s->walk.max_stack = 2; /* who calls a function tells its name */
		lua_walk(at->pid, at->slot);
	} else if (config.runtimes & 1 << SCRY_RUNTIME_PYTHON && python_look(0, at->slot)) {
		s->walk.count = 0;
	}
}

static __always_inline void gc_tell(struct scry_at *at, const struct gc_seen *seen)
{
	__u64 pause = at->now - at->thread->gc_since;
	__s64 collected = seen->number, uncollectable = -1;
	struct scry_event *event;

	/* Began before scry came; or another function than that of the collector returns. */
	if (!at->thread->gc_since || seen->frame != at->thread->gc_frame)
		return;
	at->thread->gc_since = 0;
	if (at->thread->gc_counted && !gc_result(at, &collected, &uncollectable))
		return;
	if (config.min_duration_ns && pause < config.min_duration_ns)
		return;
	if (at->thread->gc_collected_at)
		walk_read(&collected, sizeof(collected), at->thread->gc_collected_at);
	if (at->thread->gc_uncollectable_at)
		walk_read(&uncollectable, sizeof(uncollectable), at->thread->gc_uncollectable_at);
	gc_look(at);
	event = at_event(at, SCRY_EVENT_GC);
	event->duration_ns = event->own_ns = pause;
	event->number = at->thread->gc_generation;
	event->number2 = collected;
	event->number3 = uncollectable;
	at_send(at, 0);
}

/* gc__start(int generation) */
static __always_inline void site_gc_start(struct pt_regs *ctx, struct gc_seen *seen)
{
	seen->begins = true;
	seen->number = marker_value(ctx, bpf_get_attach_cookie(ctx), 0);
}

/* gc__done(long collected) */
static __always_inline void site_gc_done(struct pt_regs *ctx, struct gc_seen *seen)
{
	seen->ends = true;
	seen->number = marker_value(ctx, bpf_get_attach_cookie(ctx), 0);
}

/*
 * The collector's own function. PYTHON_COOKIE_COUNTS: the argument behind the generation points to where the number of collected
 * objects goes, and the one after it to that of objects that cannot be freed; else the first number is the result.
 */
static __always_inline void site_collect_entry(struct pt_regs *ctx, struct gc_seen *seen)
{
	__u64 first = PT_REGS_PARM1(ctx), second = PT_REGS_PARM2(ctx), third = PT_REGS_PARM3(ctx);
	__u64 fourth = PT_REGS_PARM4(ctx);
	__u64 cookie = bpf_get_attach_cookie(ctx);

	barrier_var(first); /* the context may only be read at constant offsets */
	barrier_var(second);
	barrier_var(third);
	barrier_var(fourth);
	if (cookie & PYTHON_COOKIE_SECOND) {
		first = second;
		second = third;
		third = fourth;
	}
	seen->begins = true;
	seen->counted = cookie & PYTHON_COOKIE_STATS;
	seen->waits = cookie & PYTHON_COOKIE_WORLD;
	seen->number = (int)first;
	seen->collected_at = cookie & PYTHON_COOKIE_COUNTS ? second : 0;
	seen->uncollectable_at = cookie & PYTHON_COOKIE_COUNTS ? third : 0;
	seen->frame = PT_REGS_SP(ctx);
}

/* _PyEval_StopTheWorld(interpreter) */
static __always_inline void site_collect_world(struct pt_regs *ctx, struct gc_seen *seen)
{
	seen->works = true;
	seen->frame = PT_REGS_SP(ctx);
}

static __always_inline void site_collect_return(struct pt_regs *ctx, struct gc_seen *seen)
{
	seen->ends = true;
	seen->number = PT_REGS_RC(ctx);
	seen->frame = PT_REGS_SP(ctx);
}

static __always_inline void site_lua_step_entry(struct pt_regs *ctx, struct gc_seen *seen)
{
	seen->begins = true;
	seen->number = SCRY_GC_STEP;
	seen->frame = PT_REGS_SP(ctx);
}

#define LUA_GCCOLLECT 2 /* lua.h, 5.1 to 5.5 */

static __always_inline void site_lua_gc_entry(struct pt_regs *ctx, struct gc_seen *seen)
{
	seen->begins = (int)PT_REGS_PARM2(ctx) == LUA_GCCOLLECT;
	seen->number = SCRY_GC_FULL;
	seen->frame = PT_REGS_SP(ctx);
}

static __always_inline void site_lua_gc_return(struct pt_regs *ctx, struct gc_seen *seen)
{
	seen->ends = true;
	seen->number = -1;
	seen->frame = PT_REGS_SP(ctx);
}

SEC("uprobe")
int on_gc(struct pt_regs *ctx)
{
	struct gc_seen seen = { 0 };
	struct scry_at at;

	switch (RUNTIME_COOKIE_SITE(bpf_get_attach_cookie(ctx))) {
#define X(name) case RUNTIME_SITE_##name: site_##name(ctx, &seen); break;
	RUNTIME_GC_SITES(X)
#undef X
	}
	if ((!seen.begins && !seen.works && !seen.ends) || !at_begin(&at))
		return 0;
	if (seen.begins)
		gc_begin(&at, &seen);
	else if (seen.works)
		gc_work(&at, &seen);
	else
		gc_tell(&at, &seen);
	at_end(&at);
	return 0;
}
