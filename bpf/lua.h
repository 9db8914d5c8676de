/* SPDX-License-Identifier: GPL-2.0-only */
/* Lua in BPF: bpf/lua.bpf.c. All work in a scratch that the caller owns, named by its slot. */
#ifndef SCRY_BPF_LUA_H
#define SCRY_BPF_LUA_H

#include "maps.h"

#include "../runtimes/lua/layout.h"

/* Lua libraries and programs, by scry_proc.binary. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_BINARIES);
	__type(key, __u32);
	__type(value, struct scry_lua);
} luas SEC(".maps") __weak;

/* Find the lua_State that the current thread of process pid runs: walk.frame is its innermost CallInfo. An enum scry_walk_error. */
int lua_enter(__u32 pid, __u32 slot);

/* Walk from there into frames[]; walk.error and walk.count tell how it went. */
int lua_walk(__u32 pid, __u32 slot);

#endif
