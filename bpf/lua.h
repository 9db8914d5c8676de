/* SPDX-License-Identifier: GPL-2.0-only */
/* Lua in BPF: bpf/lua.bpf.c. All work in a scratch that the caller owns, named by its slot. */
#ifndef SCRY_BPF_LUA_H
#define SCRY_BPF_LUA_H

#include "maps.h"

#include "../runtimes/lua/state.h"

/* Lua libraries and programs, by scry_proc.binary. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_BINARIES);
	__type(key, __u32);
	__type(value, struct scry_lua);
} luas SEC(".maps") __weak;

/* Where threads' lua_States were found last, by the low bits of the thread's number. What two threads share is only of less use. */
#define LUA_SEATS 1024
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LUA_SEATS);
	__type(key, __u32);
	__type(value, struct lua_seat);
} lua_seats SEC(".maps") __weak;

static __always_inline const struct scry_lua *lua_binary(__u32 index)
{
	return bpf_map_lookup_elem(&luas, &index);
}

/* bpf/lua_code.bpf.c: id of a function, told to user space if this is its first sight, or a negative enum scry_walk_error. Of kind
 * LUA_KIND_PROTO it is in s->raw, of LUA_KIND_TRACE the trace is. s->window is not kept. */
int lua_find(__u32 index, __u32 slot, __u32 kind, __u64 address);

/* Find the lua_State that the current thread of process pid runs: walk.frame is its innermost CallInfo. An enum scry_walk_error. */
int lua_enter(__u32 pid, __u32 slot);

/* Walk from there into frames[]; walk.error and walk.count tell how it went. */
int lua_walk(__u32 pid, __u32 slot);

#endif
