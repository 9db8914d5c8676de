// SPDX-License-Identifier: GPL-2.0-only
/* Imports: what is loaded, by whom, how long it takes alone and with what it imports itself. */
#include "at.h"
#include "registers.h"

#include "../runtimes/python/cookie.h"

static __always_inline void import_begin(__u64 name, bool relative, bool count_modules)
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
		at.thread->import[depth].relative = relative;
		at.thread->import[depth].modules = count_modules ? python_modules(at.slot) : 0;
	}
	at_end(&at);
}

/* How an import ends: its module's name as a C string, or 0 and what was imported, or what the name was at the beginning. */
struct import_end {
	__u64 name;
	bool c_name; /* that of the beginning is a C string, no str */
	__u64 module; /* 0: none */
	__s64 found;
};

static __always_inline void import_name(struct scry_at *at, struct scry_event *event, const struct import_end *end,
					__u64 begun_with, bool relative)
{
	__u64 whole = relative && end->module ? python_module_name(end->module, at->slot) : 0;

	if (end->name)
		at_text(event, 0, end->name);
	else if (end->c_name)
		at_text(event, 0, begun_with);
	else
		python_text(whole ? whole : begun_with, at->slot);
}

/* Its time goes to the import around it. */
static __always_inline void import_tell(struct scry_at *at, const struct import_end *end)
{
	struct scry_thread *thread = at->thread;
	struct scry_event *event;
	__u64 total, own, name;
	__u32 depth;
	bool relative;

	if (!thread->imports) /* began before scry came */
		return;
	depth = --thread->imports;
	if (depth >= SCRY_MAX_IMPORTS)
		return;
	total = at->now - thread->import[depth].since;
	own = total - thread->import[depth].nested;
	name = thread->import[depth].name;
	relative = thread->import[depth].relative;
	if (!end->name && thread->import[depth].modules == python_modules(at->slot)) /* it was there already */
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
	event->number = end->found;
	import_name(at, event, end, name, relative);
	at_send(at, event->text_bytes[0]);
}

static __always_inline void import_end(const struct import_end *end)
{
	struct scry_at at;

	if (!at_begin(&at))
		return;
	import_tell(&at, end);
	at_end(&at);
}

/* import__find__load__start(char *name): only for modules that are not loaded yet */
static __always_inline int site_import_start(struct pt_regs *ctx)
{
	import_begin(0, false, false);
	return 0;
}

/* import__find__load__done(char *name, int found) */
static __always_inline int site_import_done(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct import_end end = { .name = marker_value(ctx, cookie, 0), .found = marker_value(ctx, cookie, 1) };

	import_end(&end);
	return 0;
}

/* PyImport_ImportModuleLevelObject(name, globals, locals, fromlist, level): for loaded modules too, which the number of modules tells apart. */
static __always_inline int site_import_entry(struct pt_regs *ctx)
{
	import_begin(PT_REGS_PARM1(ctx), (int)PT_REGS_PARM5(ctx) > 0, true);
	return 0;
}

static __always_inline int site_import_return(struct pt_regs *ctx)
{
	struct import_end end = { .c_name = bpf_get_attach_cookie(ctx) & PYTHON_COOKIE_C_NAME, .module = PT_REGS_RC(ctx),
				  .found = PT_REGS_RC(ctx) != 0 };

	import_end(&end);
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
