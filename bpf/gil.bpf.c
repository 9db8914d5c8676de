// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock of Python's interpreter: who takes it, who waits for it and how long, who gives it back. The places are calls of the C
 * library's functions for condition variables, all of the binary's; those of the GIL are told by their address.
 */
#include "at.h"
#include "registers.h"

static __always_inline void gil_tell(struct scry_at *at, enum scry_gil what, __u64 duration)
{
	struct scry_event *event;

	if (config.min_duration_ns && duration < config.min_duration_ns)
		return;
	/* A thread that is being set up, or ends, has no function. */
	if (python_look(0, at->slot))
		at->s->walk.count = 0;
	event = at_event(at, SCRY_EVENT_GIL);
	event->duration_ns = event->own_ns = duration;
	event->number = what;
	at_send(at, 0);
}

static __always_inline void gil_taken(struct scry_at *at)
{
	__u64 since = at->thread->gil_waits_since;

	at->thread->gil_waits_since = 0;
	at->thread->gil_held_since = at->now;
	if (since)
		gil_tell(at, SCRY_GIL_WAITED, at->now - since);
}

static __always_inline void gil_given(struct scry_at *at)
{
	__u64 since = at->thread->gil_held_since;

	at->thread->gil_held_since = 0;
	if (since) /* else it was taken before scry came */
		gil_tell(at, SCRY_GIL_HELD, at->now - since);
}

SEC("uprobe")
int on_gil(struct pt_regs *ctx)
{
	__u32 site = RUNTIME_COOKIE_SITE(bpf_get_attach_cookie(ctx));
	__u64 address = PT_REGS_PARM1(ctx);
	struct scry_at at;
	int part;

	if (!at_begin(&at))
		return 0;
	python_current(at.slot);
	part = python_gil_part(address, at.slot);
	if (site == RUNTIME_SITE_gil_wait) {
		if (part == PYTHON_GIL_GIVEN && !at.thread->gil_waits_since)
			at.thread->gil_waits_since = at.now;
	} else if (part == PYTHON_GIL_TAKEN) {
		gil_taken(&at);
	} else if (part == PYTHON_GIL_GIVEN) {
		gil_given(&at);
	}
	at_end(&at);
	return 0;
}
