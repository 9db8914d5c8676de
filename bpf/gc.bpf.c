// SPDX-License-Identifier: GPL-2.0-only
/* Collections of garbage: the pause, and what was running when it began. */
#include "at.h"
#include "registers.h"

static __always_inline void gc_begin(__s64 generation, __u64 collected_at, __u64 uncollectable_at)
{
	struct scry_at at;

	if (!at_begin(&at))
		return;
	at.thread->gc_since = at.now;
	at.thread->gc_generation = generation;
	at.thread->gc_collected_at = collected_at;
	at.thread->gc_uncollectable_at = uncollectable_at;
	at_end(&at);
}

static __always_inline void gc_tell(struct scry_at *at, __s64 collected)
{
	__u64 pause = at->now - at->thread->gc_since;
	__s64 uncollectable = -1;
	struct scry_event *event;

	if (!at->thread->gc_since) /* began before scry came */
		return;
	at->thread->gc_since = 0;
	if (config.min_duration_ns && pause < config.min_duration_ns)
		return;
	if (at->thread->gc_collected_at)
		walk_read(&collected, sizeof(collected), at->thread->gc_collected_at);
	if (at->thread->gc_uncollectable_at)
		walk_read(&uncollectable, sizeof(uncollectable), at->thread->gc_uncollectable_at);
	/* A collection can run with no Python function below it: at exit, or in a thread that is being set up. */
	if (python_look(0, at->slot))
		at->s->walk.count = 0;
	event = at_event(at, SCRY_EVENT_GC);
	event->duration_ns = event->own_ns = pause;
	event->number = at->thread->gc_generation;
	event->number2 = collected;
	event->number3 = uncollectable;
	at_send(at, 0);
}

static __always_inline void gc_end(__s64 collected)
{
	struct scry_at at;

	if (!at_begin(&at))
		return;
	gc_tell(&at, collected);
	at_end(&at);
}

/* gc__start(int generation) */
static __always_inline int site_gc_start(struct pt_regs *ctx)
{
	gc_begin(marker_value(ctx, bpf_get_attach_cookie(ctx), 0), 0, 0);
	return 0;
}

/* gc__done(long collected) */
static __always_inline int site_gc_done(struct pt_regs *ctx)
{
	gc_end(marker_value(ctx, bpf_get_attach_cookie(ctx), 0));
	return 0;
}

/*
 * The collector's own function. Cookie: bit 0: the generation is its second argument and not the first (3.8+); bit 1: the next
 * argument points to where the number of collected objects goes, and the one after it to that of objects that cannot be freed (to
 * 3.12), else the first number is the result.
 */
static __always_inline int site_collect_entry(struct pt_regs *ctx)
{
	__u64 first = PT_REGS_PARM1(ctx), second = PT_REGS_PARM2(ctx), third = PT_REGS_PARM3(ctx);
	__u64 fourth = PT_REGS_PARM4(ctx);
	__u64 cookie = bpf_get_attach_cookie(ctx);

	barrier_var(first); /* the context may only be read at constant offsets */
	barrier_var(second);
	barrier_var(third);
	barrier_var(fourth);
	if (cookie & 1) {
		first = second;
		second = third;
		third = fourth;
	}
	gc_begin((int)first, cookie & 2 ? second : 0, cookie & 2 ? third : 0);
	return 0;
}

static __always_inline int site_collect_return(struct pt_regs *ctx)
{
	gc_end(PT_REGS_RC(ctx));
	return 0;
}

SEC("uprobe")
int on_gc(struct pt_regs *ctx)
{
	switch (RUNTIME_COOKIE_SITE(bpf_get_attach_cookie(ctx))) {
#define X(name) case RUNTIME_SITE_##name: return site_##name(ctx);
	RUNTIME_GC_SITES(X)
#undef X
	}
	return 0;
}
