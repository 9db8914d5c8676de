// SPDX-License-Identifier: GPL-2.0-only
/* Which events can be seen in a Lua, and where. */
#include <errno.h>
#include <stdio.h>

#include "lua.h"

int lua_probes(const struct runtime_binary *binary, const struct elf *elf, enum runtime_event event,
	       enum runtime_method method, void (*add)(void *ctx, const struct runtime_probe *probe), void *ctx,
	       enum runtime_method *used, char *why, size_t size)
{
	snprintf(why, size, "Lua has no marker for it, and a stripped Lua names none of the places where it happens");
	return -ENOTSUP;
}

void lua_events(const struct runtime_binary *binary, const struct elf *elf,
		void (*add)(void *ctx, const char *event, const char *method, const char *place), void *ctx)
{
}
