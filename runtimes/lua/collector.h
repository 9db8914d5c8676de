/* SPDX-License-Identifier: GPL-2.0-only */
/* Where in a file of Lua the collector of garbage works. */
#ifndef SCRY_LUA_COLLECTOR_H
#define SCRY_LUA_COLLECTOR_H

#include "../../profiler/elf.h"

#define LUA_MAX_EXITS 64

struct lua_collector {
	__u64 step;	/* luaC_step(), in 5.2 luaC_forcestep(): link-time address of its first instruction */
	__u64 gc;	/* lua_gc() */
	__u64 exits[LUA_MAX_EXITS]; /* every ret by which they can end, also in functions that they jump to */
	unsigned exit_count;
};

/* release: LUA_RELEASE(). 0; -ENOTSUP: not to be found in this file, why says so in a sentence; -ENOMEM. */
int lua_collector_find(const struct elf *elf, unsigned release, struct lua_collector *ret, char *why, size_t size);

#endif
