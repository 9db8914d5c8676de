// SPDX-License-Identifier: GPL-2.0-only
/* Which events can be seen in a Lua, and where. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>

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
	if (event == RUNTIME_EVENT_CALL && binary->wire.lua.version < LUA_VERSION(5, 4))
		return "to Lua 5.3 calls stay inside one switch of the interpreter, whose cases no table of the file tells";
	if (event == RUNTIME_EVENT_CALL)
		return "from Lua 5.4 on calls stay inside the interpreter's own function; its handlers are not probed";
	return "Lua has no marker for it";
}

static int add_place(const struct elf *elf, enum runtime_site site, __u64 address, struct runtime_probe *ret)
{
	*ret = (struct runtime_probe){ .site = site, .cookie = RUNTIME_COOKIE(site, 0) };
	return elf_offset(elf, address, PF_X, &ret->offset);
}

int lua_probes(const struct runtime_binary *binary, const struct elf *elf, enum runtime_event event,
	       enum runtime_method method, void (*add)(void *ctx, const struct runtime_probe *probe), void *ctx,
	       enum runtime_method *used, char *why, size_t size)
{
	struct runtime_probe probes[2 + LUA_MAX_EXITS];
	const char *text = reason(binary, event, method);
	struct lua_collector collector;
	int err;

	if (text)
		return refuse(why, size, text);
	err = lua_collector_find(elf, lua_release_of(elf), &collector, why, size);
	if (err)
		return err;
	err = add_place(elf, RUNTIME_SITE_lua_step_entry, collector.step, &probes[0]);
	err = err ?: add_place(elf, RUNTIME_SITE_lua_gc_entry, collector.gc, &probes[1]);
	for (unsigned i = 0; i < collector.exit_count && !err; i++)
		err = add_place(elf, RUNTIME_SITE_lua_gc_return, collector.exits[i], &probes[2 + i]);
	if (err)
		return refuse(why, size, "a place to probe is not in the file's code");
	*used = RUNTIME_METHOD_SYMBOL;
	for (unsigned i = 0; i < 2 + collector.exit_count; i++)
		add(ctx, &probes[i]);
	return 0;
}

static void ignore(void *ctx, const struct runtime_probe *probe)
{
}

void lua_events(const struct runtime_binary *binary, const struct elf *elf,
		void (*add)(void *ctx, const char *event, const char *method, const char *place), void *ctx)
{
	enum runtime_method used;
	char why[160];

	if (!lua_probes(binary, elf, RUNTIME_EVENT_GC, RUNTIME_METHOD_AUTO, ignore, NULL, &used, why, sizeof(why)))
		add(ctx, "gc", "symbol", "luaC_step, lua_gc");
}
