/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Lua function as the record of its first sight tells it, in one block of memory that begins with a struct lua_proto; what the
 * others are offsets from its beginning. Everything that lua_proto_valid() accepts is safe to use.
 */
#ifndef SCRY_LUA_PROTO_H
#define SCRY_LUA_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lua_proto {
	uint32_t kind; /* enum lua_kind */
	uint32_t version; /* LUA_VERSION() */
	uint32_t named; /* its own name stands before one that a caller has for it */
	uint32_t size; /* of the block */
	uint32_t instructions, constants, upvalues, locals; /* how many of them are known */
	uint32_t code, lines;  /* uint32_t and int32_t for each instruction */
	uint32_t constant_names, upvalue_names; /* uint32_t for each: offset of the text, 0: none */
	uint32_t local_names; /* struct lua_local for each */
	uint32_t texts;	      /* offset of the first text; all end with a NUL before `size` */
};

struct lua_local {
	uint32_t first, last; /* instructions: known from `first` on, before `last` */
	uint32_t name;
};

/* NULL: it is no such block. */
const struct lua_proto *lua_proto_of(const unsigned char *block, size_t size);

/* callsite.c: the name by which instruction `pc` calls, as debug.getinfo tells it; NULL: none. Lives as long as the block. */
const char *lua_callsite_name(const struct lua_proto *caller, uint32_t pc);
/* jit_callsite.c: the same for LuaJIT. */
const char *jit_callsite_name(const struct lua_proto *caller, uint32_t pc);

#endif
