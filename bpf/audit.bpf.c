// SPDX-License-Identifier: GPL-2.0-only
/* Audit events and executed lines: what the interpreter's markers say, where it happens. */
#include "at.h"

#include <bpf/usdt.bpf.h>

static __always_inline void tell(enum scry_event_kind kind, __u64 name, __s64 number)
{
	struct scry_event *event;
	struct scry_at at;

	if (!at_begin(&at))
		return;
	if (python_look(0, at.pid, at.slot))
		at.s->walk.count = 0;
	if (at.s->walk.count && code_dropped(at.s->here.code)) {
		at_end(&at);
		return;
	}
	event = at_event(&at, kind);
	event->number = number;
	if (name)
		at_text(event, 0, name);
	at_send(&at, event->text_bytes[0]);
	at_end(&at);
}

/* audit(char *event, PyObject *args) */
SEC("usdt")
int on_audit(struct pt_regs *ctx)
{
	long name = 0;

	bpf_usdt_arg(ctx, 0, &name);
	tell(SCRY_EVENT_AUDIT, name, 0);
	return 0;
}

/* line(char *file, char *function, int line) */
SEC("usdt")
int on_line(struct pt_regs *ctx)
{
	long line = 0;

	if (!(config.events & 1u << SCRY_EVENT_LINE)) /* attached for what it makes the interpreter do */
		return 0;
	bpf_usdt_arg(ctx, 2, &line);
	tell(SCRY_EVENT_LINE, 0, (int)line);
	return 0;
}
