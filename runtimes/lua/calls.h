/* SPDX-License-Identifier: GPL-2.0-only */
/* Where in a file of Lua functions written in Lua begin and end. */
#ifndef SCRY_LUA_CALLS_H
#define SCRY_LUA_CALLS_H

#include "../../profiler/elf.h"
#include "../sites.h"
#include "layout.h"

#define LUA_MAX_CALL_PLACES 16

struct lua_calls {
	struct lua_call_place {
		enum runtime_site site;
		__u64 address; /* link-time; of an instruction */
		__u64 cookie;  /* cookie.h */
	} places[LUA_MAX_CALL_PLACES];
	unsigned count;
};

/* release: LUA_RELEASE(). 0; -ENOTSUP: not to be found in this file, why says so in a sentence; -ENOMEM. */
int lua_calls_find(const struct elf *elf, unsigned release, const struct lua_layout *layout, struct lua_calls *ret, char *why,
		   size_t size);

#endif
