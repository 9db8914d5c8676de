// SPDX-License-Identifier: GPL-2.0-only
/* Audit events and executed lines: what the interpreter's markers say, where it happens. */
#include "at.h"
#include "registers.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set at load */
	__type(key, struct scry_line);
	__type(value, __u64);
} lines SEC(".maps");

/* Lines are too many to be told of one by one. */
static __always_inline void line_count(__u32 code, __s64 line)
{
	struct scry_line key = { .code = code, .line = line };
	__u64 none = 0, *times = bpf_map_lookup_elem(&lines, &key);

	if (!times) {
		bpf_map_update_elem(&lines, &key, &none, BPF_NOEXIST);
		times = bpf_map_lookup_elem(&lines, &key);
	}
	if (times)
		__sync_fetch_and_add(times, 1);
	else
		count(SCRY_COUNT_UNTRACKED);
}

static __always_inline void tell(enum scry_event_kind kind, __u64 name, __s64 number)
{
	struct scry_event *event;
	struct scry_at at;

	if (!at_begin(&at))
		return;
	if (python_look(0, at.slot))
		at.s->walk.count = 0;
	if (at.s->walk.count && code_dropped(at.s->here.code)) {
		at_end(&at);
		return;
	}
	if (kind == SCRY_EVENT_LINE && config.aggregate) {
		line_count(at.s->walk.count ? at.s->here.code : 0, number);
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
static __always_inline int site_audit(struct pt_regs *ctx)
{
	tell(SCRY_EVENT_AUDIT, marker_value(ctx, bpf_get_attach_cookie(ctx), 0), 0);
	return 0;
}

/* line(char *file, char *function, int line): the cookie has the third */
static __always_inline int site_line(struct pt_regs *ctx)
{
	tell(SCRY_EVENT_LINE, 0, marker_value(ctx, bpf_get_attach_cookie(ctx), 0));
	return 0;
}

SEC("uprobe")
int on_marker(struct pt_regs *ctx)
{
	switch (RUNTIME_COOKIE_SITE(bpf_get_attach_cookie(ctx))) {
#define X(name) case RUNTIME_SITE_##name: return site_##name(ctx);
	RUNTIME_MARKER_SITES(X)
#undef X
	}
	return 0;
}
