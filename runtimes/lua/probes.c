// SPDX-License-Identifier: GPL-2.0-only
/* Which events can be seen in a Lua, and where. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>

#include "calls.h"
#include "collector.h"
#include "lua.h"

static int refuse(char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return -ENOTSUP;
}

/* Why this Lua cannot tell of it; NULL: it can. */
static const char *reason(const struct runtime_binary *binary, enum runtime_event event, enum runtime_method method)
{
	const struct lua_layout *l = &binary->wire.lua.layout;

	if (event == RUNTIME_EVENT_GC && l->jit)
		return "LuaJIT collects in parts of compiled code; 'scry stat vmstate' tells how long";
	if (event == RUNTIME_EVENT_GC)
		return method == RUNTIME_METHOD_AUTO || method == RUNTIME_METHOD_SYMBOL ? NULL : "only by the collector's functions (symbol)";
	if (event == RUNTIME_EVENT_CALL && l->jit)
		return "compiled code calls no function that a probe could be put on";
	if (event == RUNTIME_EVENT_CALL)
		return method == RUNTIME_METHOD_AUTO || method == RUNTIME_METHOD_EVAL ? NULL : "only in the interpreter's own function (eval)";
	return "Lua has no marker for it";
}

/* Places found, to be handed over when all are. */
struct found {
	const struct elf *elf;
	struct runtime_probe probes[2 + LUA_MAX_EXITS + LUA_MAX_CALL_PLACES];
	unsigned count;
};

static int add_place(struct found *f, enum runtime_site site, __u64 address, __u64 cookie)
{
	struct runtime_probe *probe = &f->probes[f->count++];

	*probe = (struct runtime_probe){ .site = site, .cookie = RUNTIME_COOKIE(site, cookie) };
	return elf_offset(f->elf, address, PF_X, &probe->offset);
}

static int find_collections(struct found *f, unsigned release, char *why, size_t size)
{
	struct lua_collector collector;
	int err = lua_collector_find(f->elf, release, &collector, why, size);

	if (err)
		return err;
	err = add_place(f, RUNTIME_SITE_lua_step_entry, collector.step, 0);
	err = err ?: add_place(f, RUNTIME_SITE_lua_gc_entry, collector.gc, 0);
	for (unsigned i = 0; i < collector.exit_count && !err; i++)
		err = add_place(f, RUNTIME_SITE_lua_gc_return, collector.exits[i], 0);
	return err ? refuse(why, size, "a place to probe is not in the file's code") : 0;
}

static int find_calls(struct found *f, unsigned release, const struct lua_layout *layout, char *why, size_t size)
{
	struct lua_calls calls;
	int err = lua_calls_find(f->elf, release, layout, &calls, why, size);

	for (unsigned i = 0; !err && i < calls.count; i++)
		if (add_place(f, calls.places[i].site, calls.places[i].address, calls.places[i].cookie))
			return refuse(why, size, "a place to probe is not in the file's code");
	return err;
}

int lua_probes(const struct runtime_binary *binary, const struct elf *elf, enum runtime_event event,
	       enum runtime_method method, void (*add)(void *ctx, const struct runtime_probe *probe), void *ctx,
	       enum runtime_method *used, char *why, size_t size)
{
	const char *text = reason(binary, event, method);
	struct found f = { .elf = elf };
	int err;

	if (text)
		return refuse(why, size, text);
	if (event == RUNTIME_EVENT_GC)
		err = find_collections(&f, lua_release_of(elf), why, size);
	else
		err = find_calls(&f, lua_release_of(elf), &binary->wire.lua.layout, why, size);
	if (err)
		return err;
	*used = event == RUNTIME_EVENT_GC ? RUNTIME_METHOD_SYMBOL : RUNTIME_METHOD_EVAL;
	for (unsigned i = 0; i < f.count; i++)
		add(ctx, &f.probes[i]);
	return 0;
}

static void count(void *ctx, const struct runtime_probe *probe)
{
	++*(unsigned *)ctx;
}

static void ignore(void *ctx, const struct runtime_probe *probe)
{
}

void lua_events(const struct runtime_binary *binary, const struct elf *elf,
		void (*add)(void *ctx, const char *event, const char *method, const char *place), void *ctx)
{
	enum runtime_method used;
	char why[160], text[80];
	unsigned places = 0;

	if (!lua_probes(binary, elf, RUNTIME_EVENT_GC, RUNTIME_METHOD_AUTO, ignore, NULL, &used, why, sizeof(why)))
		add(ctx, "gc", "symbol", "luaC_step, lua_gc");
	if (!lua_probes(binary, elf, RUNTIME_EVENT_CALL, RUNTIME_METHOD_AUTO, count, &places, &used, why, sizeof(why))) {
		snprintf(text, sizeof(text), "luaV_execute at %u places, luaD_throw", places - 1);
		add(ctx, "call", "eval", text);
	}
}
