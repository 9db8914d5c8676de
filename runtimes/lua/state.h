/* SPDX-License-Identifier: GPL-2.0-only */
/* What a walk of Lua knows, beside struct scry_walk; it lies in scry_scratch.own. */
#ifndef SCRY_LUA_STATE_H
#define SCRY_LUA_STATE_H

#include "../walk.h"
#include "layout.h"

#define LUA_MAX_LIVE 8 /* coroutines that resumed one another, with the main thread */
#define LUA_SAVED    6 /* registers that a function preserves */
#define LUA_SEAT     4 /* states that are remembered of a thread, beside the main one */
#define LUA_INLINED  8 /* functions that LuaJIT put into each other; a power of two */
#define LUA_LEARNS   8 /* times that it is tried to learn how they can be told on the C stack */
#define LUA_TRIED    16 /* words of the C stack that are remembered not to be looked at again; a power of two */

/* A lua_State that runs, or that resumed one which does. */
struct lua_live {
	__u64 state;
	__u64 jump; /* its innermost protected call's record, on the C stack; ~0: none */
	__u64 ci, base_ci, stack;
	__u64 pc; /* 5.1: L->savedpc */
	__u32 hooked; /* 5.1: a debug hook runs */
	__u32 pad;
};

/*
 * What was found of a thread when it was looked at last: where to look first. It may be wrong in any way by now; only a state that
 * proves to be live again is taken.
 */
struct lua_seat {
	__u32 tid, instance;
	__u64 global, main;
	__u64 state[LUA_SEAT];
};

/* What was learned of a process, from one state that ran: how those that run can be told on the C stack. */
struct lua_marks {
	__u32 instance;
	__u32 unguarded; /* so often they could not */
	__u64 guard; /* struct lua_walk.guard */
};

/* Where a frame is, as the instruction that it returns to tells. */
struct lua_place {
	__u32 id;
	__s32 at;
	__u32 slots; /* LuaJIT: how far the frame that it called lies above */
};

/* A function that machine code runs as part of another. */
struct lua_inlined {
	__u64 func; /* GCfunc */
	__u64 pc;   /* behind its instruction; 0: not known */
};

struct lua_walk {
	__u64 sp;     /* of the thread in user mode */
	__u64 limit;  /* of its stack; 0: not known */
	__u64 from, at; /* where the search on the stack begins, and goes on */
	__u64 until;  /* and where it ends */
	__u64 global; /* global_State of the last lua_State found */
	__u64 main;   /* its main thread */
	__u64 jump;   /* of the state being walked */
	__u64 state;
	__u64 base_ci;
	__u64 stack; /* where Lua's stack begins */
	__u64 saved_pc; /* 5.1: of the innermost frame of the state */
	__u64 saved[LUA_SAVED]; /* callee-saved registers */
	__u64 guard_at; /* where the C library keeps what it mixes into addresses in a jmp_buf; 0: not known */
	__u64 guard;	/* that, if protected calls are known by it; else 0 */
	__u64 text, text_bytes; /* the interpreter's code */
	__u64 pc;   /* LuaJIT: of the next Lua frame, behind its instruction; 0: not known */
	__u64 dx, bx; /* LuaJIT: where the interpreter has its base and pc */
	__u64 machine, jit_state, jit_base; /* LuaJIT: a global_State, and what it says of its machine */
	__u64 trace; /* the GCtrace that runs */
	__u64 ip;    /* of the thread in user mode */
	struct lua_inlined inlined[LUA_INLINED]; /* functions in the trace that have no frame, innermost first */
	struct lua_inlined owner; /* and that whose frame the trace has; func 0: as the frame says */
	__u64 calls_from, slots_from; /* what s->window holds: CallInfos, and behind WINDOW_HALF slots of Lua's stack */
	__u32 calls_bytes, slots_bytes;
	__u32 live_count, which;
	__u32 skip; /* LuaJIT: the next frame is the shadow of one with variable arguments */
	__s32 vmstate;
	__u32 returns; /* LuaJIT: the frame above returns to pc; */
	__u32 slots;   /* and is so far above this one, as the call before pc tells */
	__u32 inlined_count, inlined_taken;
	__u32 unfolded; /* the trace was asked for them */
	__u32 entered; /* 5.3: number of the frame, from 1 on, that C may have entered the interpreter by; 0: the last one is not */
	__u32 resumed; /* 5.3: the interpreter has gone on with a coroutine in the midst of its calls */
	__u32 top; /* the next frame is the innermost */
	__u32 missed; /* states that there was no room for */
	__u32 watched; /* new functions are noticed: a place that is known stays known */
	__u32 serial;  /* of the walk, among all in this scratch */
	__u32 unsure;  /* there is a protected call whose state is not found near it */
	struct lua_place next; /* LuaJIT: of the next frame; id 0: not known */
	__u64 tried[LUA_TRIED];
	struct lua_live live[LUA_MAX_LIVE];
};

_Static_assert(sizeof(struct lua_walk) <= sizeof(((struct scry_scratch *)0)->own), "a walk has room");

#define LUA_WALK(s) ((struct lua_walk *)(s)->own)

#endif
