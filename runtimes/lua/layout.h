/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where Lua keeps what the walker reads: one row of offsets for each of the layouts that 5.1 to 5.5 have had (layout.c), on
 * machines with pointers of 8 bytes. Shared with the BPF side. 0 where a version has no such field, but for the offsets that can
 * be 0 (ci_func).
 */
#ifndef SCRY_LUA_LAYOUT_H
#define SCRY_LUA_LAYOUT_H

#include <linux/types.h>

#define LUA_VERSION(major, minor) ((major) << 8 | (minor))
#define LUA_VERSION_JIT 0x10000 /* LuaJIT 2.1 */

/* struct_field: lua_State, global_State, CallInfo, Closure, Proto, TString. The struct, the script `layouts` and the tests use this list. */
#define LUA_FIELDS(X)                                                                                            \
	X(state_status) X(state_global) X(state_ci) X(state_base_ci) X(state_stack) X(state_stack_last)          \
	X(state_errorJmp) X(state_savedpc) X(global_mainthread)                                                  \
	X(ci_func) X(ci_savedpc) X(ci_callstatus) X(ci_tailcalls) X(ci_previous) X(ci_size) X(closure_p)         \
	X(proto_k) X(proto_code) X(proto_lineinfo) X(proto_abslineinfo) X(proto_locvars) X(proto_upvalues)       \
	X(proto_source) X(proto_sizek) X(proto_sizecode) X(proto_sizelineinfo) X(proto_sizeabslineinfo)          \
	X(proto_sizelocvars) X(proto_sizeupvalues) X(proto_linedefined) X(proto_lastlinedefined)                 \
	X(string_text) X(string_length)

struct lua_layout {
#define X(field) __u16 field;
	LUA_FIELDS(X)
#undef X
	__u16 jit_vmstate, jit_base, jit_trace; /* LuaJIT: in global_State; the last from there on: J.trace */
	__u16 state_bytes, proto_bytes; /* how much of them the walker reads at once */
	__u8 main_inside;    /* the main thread lies in global_State (5.5), instead of being pointed to */
	__u8 base_ci_points; /* L->base_ci is a pointer (5.1), instead of a CallInfo in lua_State */
	__u8 status_bytes;   /* of ci->callstatus; 0: none, a closure says what it is (5.1) */
	__u8 pc_in_register; /* the interpreter keeps the top frame's pc in a register, memory lags behind (5.1, 5.4, 5.5) */
	__u32 status_lua;    /* bits of ci->callstatus: a Lua function (5.2, 5.3) */
	__u32 status_c;	     /* a C function (5.4, 5.5) */
	__u32 status_tail, status_finalizer, status_hooked;
	__u32 status_fresh;   /* C entered the interpreter here (5.3.2+) */
	__u32 status_reentry; /* C did not (5.2 to 5.3.1) */
	__u8 upvalue_stride; /* bytes of an upvalue's description: TString * alone (5.1), or Upvaldesc */
	__u8 string_heap;    /* long strings' text is pointed to from string_text (5.5) */
	__u8 line_deltas;    /* lines are stored as differences (5.4, 5.5) */
	__u8 short_length;   /* offset of the length of a short string, whose tag is then 4; 0: all have string_length */
	__u8 state_tag, thread_tag; /* where an object's type stands, and a thread's number */
	__u8 jit; /* LuaJIT */
	__u8 state_allowhook; /* 0 there: a debug hook runs, of which ci->callstatus says nothing (5.1) */
};

/* A Lua library or program as BPF needs it. */
struct scry_lua {
	__u32 version;	    /* LUA_VERSION() */
	__u32 watches_load; /* new functions are noticed by a probe; else each is compared by its content, every time */
	__u64 text, text_bytes; /* where its code is, link-time address: no lua_State lies there */
	struct lua_layout layout;
};

/* What a first sight is of. */
enum lua_kind {
	LUA_KIND_PROTO,
	LUA_KIND_C,
	/* Remarks between the frames, as frames of their own. */
	LUA_KIND_COROUTINE, /* above is a coroutine, below what resumed it */
	LUA_KIND_TAIL,	    /* the function above was called in place of others, which are not known any more */
	LUA_KIND_FINALIZER, /* the function above is a finalizer that the garbage collector called */
	LUA_KIND_HOOK,	    /* ... a debug hook */
	LUA_KIND_FAST,	    /* LuaJIT: a function of its library that is part of the interpreter; address: its number */
	LUA_KIND_TRACE,	    /* the function above runs as machine code; address: the GCtrace */
	LUA_KIND_GC, LUA_KIND_EXIT, LUA_KIND_RECORD, LUA_KIND_OPT, LUA_KIND_ASM, /* what LuaJIT is busy with */
	LUA_KIND_COUNT
};

/* The texts of a first sight's record: name is this head, file the source's name, lines the parts of the function one after the other. */
#define LUA_PARTS(X)                                                                     \
	X(code)	    /* instructions */                                                   \
	X(lineinfo)                                                                      \
	X(abslineinfo)                                                                   \
	X(constants) /* names: slots of LUA_NAME bytes; "" what is no string */          \
	X(upvalues)                                                                      \
	X(locals)   /* slots of LUA_NAME bytes, the first 8 being first and last instruction */
enum lua_part {
#define X(part) LUA_PART_##part,
	LUA_PARTS(X)
#undef X
	LUA_PART_COUNT
};
#define LUA_NAME 48 /* bytes of a name in a record, its NUL included; longer ones are cut */

struct lua_seen {
	__u32 kind; /* enum lua_kind */
	__s32 first_line, last_line;
	__u32 upvalues; /* LuaJIT: their number; their names begin the part abslineinfo, those of locals follow */
	struct lua_part_seen {
		__u64 address; /* in the target, to read what is missing */
		__u32 count;   /* elements that the function has */
		__u32 bytes;   /* of the record */
	} part[LUA_PART_COUNT];
};

#endif
