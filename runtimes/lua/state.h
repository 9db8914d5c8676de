/* SPDX-License-Identifier: GPL-2.0-only */
/* What a walk of Lua knows, beside struct scry_walk; it lies in scry_scratch.own. */
#ifndef SCRY_LUA_STATE_H
#define SCRY_LUA_STATE_H

#include "../walk.h"
#include "layout.h"

#define LUA_MAX_LIVE 8 /* coroutines that resumed one another, with the main thread */
#define LUA_SAVED    6 /* registers that a function preserves */

/* A lua_State that runs, or that resumed one which does. */
struct lua_live {
	__u64 state;
	__u64 jump; /* its innermost protected call's record, on the C stack; ~0: none */
};

struct lua_walk {
	__u64 sp;     /* of the thread in user mode */
	__u64 limit;  /* of its stack; 0: not known */
	__u64 at;     /* where the search on the stack goes on */
	__u64 until;  /* and where it ends */
	__u64 global; /* global_State of the last lua_State found */
	__u64 main;   /* its main thread */
	__u64 jump;   /* of the state being walked */
	__u64 state;
	__u64 base_ci;
	__u64 saved[LUA_SAVED]; /* callee-saved registers */
	struct lua_live live[LUA_MAX_LIVE];
	__u32 live_count;
	__u64 pc;   /* LuaJIT: of the next Lua frame, behind its instruction; 0: not known */
	__u32 skip; /* LuaJIT: the next frame is the shadow of one with variable arguments */
	__s32 vmstate;
	__u64 dx, bx; /* LuaJIT: where the interpreter has its base and pc */
	__u32 top; /* the next frame is the innermost */
	__u32 missed; /* states that there was no room for */
	__u32 pad;
};

_Static_assert(sizeof(struct lua_walk) <= sizeof(((struct scry_scratch *)0)->own), "a walk has room");

#define LUA_WALK(s) ((struct lua_walk *)(s)->own)

#endif
