// SPDX-License-Identifier: GPL-2.0-only
/* Imports: what is loaded, by whom, how long it takes alone and with what it imports itself. */
#include "at.h"
#include "registers.h"

static __always_inline void import_begin(__u64 name, bool count_modules)
{
	struct scry_at at;
	__u32 depth;

	if (!at_begin(&at))
		return;
	depth = at.thread->imports++;
	if (depth < SCRY_MAX_IMPORTS) {
		at.thread->import[depth].since = at.now;
		at.thread->import[depth].nested = 0;
		at.thread->import[depth].name = name;
		at.thread->import[depth].modules = count_modules ? python_modules(at.slot) : 0;
	}
	at_end(&at);
}

/* The import that ends: its time goes to the one around it. name: a C string; 0: the str that was given at its beginning. */
static __always_inline void import_tell(struct scry_at *at, __u64 name, __s64 found)
{
	struct scry_thread *thread = at->thread;
	struct scry_event *event;
	__u64 total, own, object;
	__u32 depth;

	if (!thread->imports) /* began before scry came */
		return;
	depth = --thread->imports;
	if (depth >= SCRY_MAX_IMPORTS)
		return;
	total = at->now - thread->import[depth].since;
	own = total - thread->import[depth].nested;
	object = thread->import[depth].name;
	if (!name && thread->import[depth].modules == python_modules(at->slot)) /* it was there already */
		return;
	if (depth)
		thread->import[(depth - 1) & (SCRY_MAX_IMPORTS - 1)].nested += total;
	if (config.min_duration_ns && total < config.min_duration_ns)
		return;
	if (python_look(0, at->slot))
		at->s->walk.count = 0;
	event = at_event(at, SCRY_EVENT_IMPORT);
	event->depth = depth;
	event->duration_ns = total;
	event->own_ns = own;
	event->number = found;
	if (name)
		at_text(event, 0, name);
	else
		python_text(object, at->slot);
	at_send(at, event->text_bytes[0]);
}

static __always_inline void import_end(__u64 name, __s64 found)
{
	struct scry_at at;

	if (!at_begin(&at))
		return;
	import_tell(&at, name, found);
	at_end(&at);
}

/* import__find__load__start(char *name): only for modules that are not loaded yet */
static __always_inline int site_import_start(struct pt_regs *ctx)
{
	import_begin(0, false);
	return 0;
}

/* import__find__load__done(char *name, int found) */
static __always_inline int site_import_done(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);

	import_end(marker_value(ctx, cookie, 0), marker_value(ctx, cookie, 1));
	return 0;
}

/* PyImport_ImportModuleLevelObject(name, ...): for loaded modules too, which the number of modules tells apart. */
static __always_inline int site_import_entry(struct pt_regs *ctx)
{
	import_begin(PT_REGS_PARM1(ctx), true);
	return 0;
}

static __always_inline int site_import_return(struct pt_regs *ctx)
{
	import_end(0, PT_REGS_RC(ctx) != 0);
	return 0;
}

SEC("uprobe")
int on_import(struct pt_regs *ctx)
{
	switch (RUNTIME_COOKIE_SITE(bpf_get_attach_cookie(ctx))) {
#define X(name) case RUNTIME_SITE_##name: return site_##name(ctx);
	RUNTIME_IMPORT_SITES(X)
#undef X
	}
	return 0;
}
