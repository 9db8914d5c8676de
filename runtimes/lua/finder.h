/* SPDX-License-Identifier: GPL-2.0-only */
/* How the places of calls are looked for (calls.c, begins.c, ends.c): the state of a search, and what instructions tell. */
#ifndef SCRY_LUA_FINDER_H
#define SCRY_LUA_FINDER_H

#include "calls.h"
#include "functions.h"

enum { X86_RAX = 0, X86_RDX = 2, X86_RSI = 6, X86_RDI = 7 }; /* enum x86_register */

struct lua_finder {
	struct lua_functions functions;
	struct lua_code execute; /* luaV_execute() */
	const struct lua_layout *layout;
	unsigned release;
	struct lua_calls *ret;
	char *why;
	size_t size;
};

/* Say why there are no places. -ENOTSUP. */
int lua_refuse(const struct lua_finder *f, const char *text);
int lua_add_place(struct lua_finder *f, enum runtime_site site, __u64 address, __u64 cookie);

/* ---- finder.c: instructions ---- */

static inline bool lua_is_branch(const struct x86_insn *insn)
{
	return insn->flow == X86_FLOW_BRANCH;
}

static inline bool lua_is_call(const struct x86_insn *insn)
{
	return insn->flow == X86_FLOW_CALL && insn->target;
}

/* Of registers. */
static inline bool lua_is_move(const struct x86_insn *insn)
{
	return !insn->in_memory && !insn->prefixed && (insn->opcode == 0x89 || insn->opcode == 0x8b);
}

/* May an instruction that goes on to the next one set a register? */
bool lua_may_set(const struct x86_insn *insn, unsigned char reg);

/* The number that ends an instruction. */
__u32 lua_immediate(const struct lua_finder *f, const struct lua_instruction *at, unsigned size);

/*
 * The branch by which the result of call `i` is judged (wide: as a pointer), with nothing between them but the look at it and a copy
 * of it. NULL: the result is not looked at in this way.
 */
const struct lua_instruction *lua_judgement(const struct lua_code *code, size_t i, bool wide);

/* Does a jump of this function lead behind instruction `first`, up to `last`? */
bool lua_is_jumped_into(const struct lua_code *code, size_t first, size_t last);

/* Is call `i` made with LUA_MULTRET as its third argument, whatever the instruction says? To 5.3 only OP_TAILCALL does. */
bool lua_is_tail(const struct lua_finder *f, const struct lua_code *code, size_t i);

/*
 * Where the first argument of call `i`, a lua_State, comes from, and stays when the call has returned: a register that functions
 * preserve, or a place in the frame. 0: it cannot be told.
 */
__u64 lua_state_cookie(const struct lua_code *code, size_t i);

/* ---- begins.c, ends.c ---- */

/*
 * luaD_precall() by how luaV_execute() calls it in 5.1 to 5.3: each time its result, an int, is looked at, and for tail calls all
 * its results are wanted. 0: none such, or several.
 */
__u64 lua_find_precall(const struct lua_finder *f, const struct lua_code *code);

/* Add the places where functions in Lua begin, or end, without luaV_execute()'s own beginning. 0, or lua_refuse(). */
int lua_find_begins(struct lua_finder *f);
int lua_find_ends(struct lua_finder *f);

#endif
