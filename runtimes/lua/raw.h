/* SPDX-License-Identifier: GPL-2.0-only */
/* Structures of Lua as they are read, and what the same in all versions is where. */
#ifndef SCRY_LUA_RAW_H
#define SCRY_LUA_RAW_H

#include "state.h"

#define lua_inline static inline __attribute__((always_inline))

#define LUA_TAG_FUNCTION 6  /* LUA_TFUNCTION (5.1) */
#define LUA_TAG_LCLOSURE 70 /* what a stack slot says (5.2+): lobject.h, collectable */
#define LUA_TAG_CCLOSURE 102
#define LUA_TAG_CFUNCTION 22
#define LUA_STATE_TOP 16    /* offset of L->top in all versions */
#define LUA_STRING_TAG 8
#define LUA_ISC 10	    /* offset of isC in a closure (5.1) */
#define LUA_53_OP_CALL 36   /* lopcodes.h */
#define LUA_SLACK (64 * 16) /* bytes that top may be above stack_last: EXTRA_STACK and more */

#define JIT_STATE_TOP 40
#define JIT_CFRAME	(~3ULL) /* bits that are no part of the address: lj_frame.h */
/* The interpreter's frame on the C stack (vm_x64.dasc). */
#define JIT_CFRAME_L	  16
#define JIT_CFRAME_PC	  24
#define JIT_CFRAME_BYTES  48 /* with what lies before the registers that it saves */
#define JIT_CFRAME_ALIGN  16
#define JIT_CFRAME_RESULTS (1U << 23) /* bytes, either way: more than a stack has (LJ_STACK_MAX), or results */
#define JIT_STACK_BYTES	  (64ULL << 20) /* that a C stack may have */

#define LUA_HALF (WINDOW_BYTES / 2) /* of s->window: CallInfos, then slots of Lua's stack */

#define LUA_U64(s, field) (*(__u64 *)((s)->raw + ((field) & 0xf8)))
#define LUA_U32(s, field) (*(__u32 *)((s)->raw + ((field) & 0xfc)))
#define LUA_U16(s, field) (*(__u16 *)((s)->raw + ((field) & 0xfe)))
#define LUA_U8(s, field)  ((s)->raw[(field) & 0xff])

/* s->window is wanted for something else. */
lua_inline void lua_window_forget(struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);

	w->calls_from = w->calls_bytes = w->slots_from = w->slots_bytes = 0;
}

/* Of lua_State, GCfunc, GCproto, GCtrace: the same in all releases of 2.1 with LJ_GC64. */
#define JIT_STATE_BASE	   32
#define JIT_STATE_MAXSTACK 48
#define JIT_TYPE	   9 /* gct */
#define JIT_TYPE_FUNC	   8
#define JIT_TYPE_PROTO	   7
#define JIT_TYPE_TRACE	   9
#define JIT_FUNC_FFID	   10 /* 0: a Lua function; 1: one in C; else the number of one in the library */
#define JIT_FUNC_PC	   32
#define JIT_FUNC_C	   40
#define JIT_FUNC_BYTES	   48
#define JIT_PROTO_SIZEBC   12
#define JIT_PROTO_BYTES	   104 /* the bytecode follows */
#define JIT_PROTO_K	   32  /* constants of objects lie before where it points */
#define JIT_PROTO_SIZEKGC  48
#define JIT_PROTO_SIZEPT   56 /* of all of it: bytecode, constants, debug information */
#define JIT_PROTO_SIZEUV   60
#define JIT_PROTO_CHUNK	   64
#define JIT_PROTO_LINE	   72
#define JIT_PROTO_LINES	   76
#define JIT_PROTO_LINEINFO 80
#define JIT_PROTO_UVINFO   88
#define JIT_TRACE_SNAPS	   10 /* how many */
#define JIT_TRACE_IR	   32 /* of its constants, by negative offsets from where REF_BIAS is */
#define JIT_TRACE_SNAP	   48
#define JIT_TRACE_SNAPMAP  56
#define JIT_TRACE_STARTPT  64
#define JIT_TRACE_STARTPC  72
#define JIT_TRACE_MCODE_BYTES 84
#define JIT_TRACE_MCODE	   88
#define JIT_TRACE_SPADJUST 102
#define JIT_TRACE_BYTES	   112
#define JIT_MAX_TRACE	   65535
#define JIT_REFERENCE	   ((1ULL << 47) - 1)

#endif
