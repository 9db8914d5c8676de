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

/* What was learned of processes, by the low bits of the number of their life. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LUA_SEATS);
	__type(key, __u32);
	__type(value, struct lua_marks);
} lua_marks SEC(".maps") __weak;

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

/*
 * lua_enter() has found a state: walk from this CallInfo of it on instead, behind frames[0]. 1: it is another state. above: that may
 * be, since this one is about to be suspended; then the walk goes on to the one that was found, which has resumed it.
 */
int lua_begin_at(__u64 state, __u64 ci, __u32 slot, __u32 above);

/* The frames that are known of what s->lua tells of: frames[0], and what returns. Then walk.count is their number. */
int lua_begin_stack(__u32 slot);

/* The id of a function by its Proto, in the process that is prepared, whose binary has that index. Else a negative enum
 * scry_walk_error. */
int lua_proto_id(__u32 index, __u32 slot, __u64 proto);

/* What is to be looked at in a lua_State. */
enum lua_how {
	LUA_HOW_BEGINS,	  /* its innermost function, which begins */
	LUA_HOW_CALLED,	  /* the same, called by OP_CALL: a function in Lua, whose status is not set yet (5.4.2, 5.4.3) */
	LUA_HOW_REPLACES, /* the same, in a tail call to 5.3: it will have the place of the one below */
	LUA_HOW_RUNS,	  /* its innermost function that is written in Lua, which runs */
};

/* Look, into s->lua. An enum scry_walk_error. */
int lua_look_here(__u32 index, __u32 slot, __u64 state, __u32 how);

/* Where the innermost function in Lua lies on the stack of a lua_State; -1: it runs none, LUA_LEVEL_UNKNOWN: it cannot be told. */
int lua_nearest(__u32 index, __u32 slot, __u64 state);
#define LUA_LEVEL_UNKNOWN 0x7fffffff

/*
 * What stands for a CallInfo as the frame of a call: from 5.2 on its address, in 5.1 they move. 0: not readable. The second of the
 * innermost one of `state` (5.1), or of this one, which returns: s->lua.below is set.
 */
__u64 lua_frame_id(__u32 index, __u32 slot, __u64 state, __u64 ci);
__u64 lua_id_below(__u32 index, __u32 slot); /* of the innermost function in Lua below that of s->lua; 0: there is none */
__u64 lua_look_at_end(__u32 index, __u32 slot, __u64 state, __u64 ci);

/* Tell user space how the function of s->lua is called here, if it is by one in Lua, and if that has not been told. */
int lua_tell_naming(__u32 index, __u32 slot);

#endif
