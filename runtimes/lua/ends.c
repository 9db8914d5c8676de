// SPDX-License-Identifier: GPL-2.0-only
/* Where functions in Lua end. */
#include <errno.h>

#include "cookie.h"
#include "finder.h"
#include "lua.h"

/* Does it ask for the bit of ci->callstatus which tells that C called? *base: the register with ci, X86_NO_REGISTER: not told here. */
static bool asks_origin(const struct lua_finder *f, const struct lua_instruction *at, unsigned char *base)
{
	__u32 bit = f->layout->status_fresh ?: f->layout->status_reentry;
	unsigned low = bit ? (unsigned)__builtin_ctz(bit) : 0;

	*base = at->insn.in_memory ? at->insn.base : X86_NO_REGISTER;
	if (at->insn.opcode == 0xf6 && !(at->insn.reg & 7) && at->insn.in_memory && !at->insn.indexed && /* test $bit,(ci) */
	    at->insn.displacement == (__s32)(f->layout->ci_callstatus + low / 8))
		return lua_immediate(f, at, 1) == 1u << low % 8;
	return at->insn.opcode == 0xa9 && !at->insn.prefixed && !at->insn.wide && lua_immediate(f, at, 4) == bit; /* test $bit,%eax */
}

/* ci = ci->previous, which is what is done from 5.4 on where C did not call: the register with ci, else X86_NO_REGISTER. */
static unsigned char goes_back(const struct lua_finder *f, __u64 address)
{
	struct x86_insn insn;

	if (!lua_instruction(&f->functions, address, &insn) || insn.opcode != 0x8b || !insn.in_memory || !insn.wide || insn.indexed ||
	    insn.base != insn.reg || insn.displacement != f->layout->ci_previous)
		return X86_NO_REGISTER;
	return insn.reg;
}

/* The branch behind the question, and in *ci the register with the CallInfo there. NULL: it is not as expected. */
static const struct lua_instruction *answer(const struct lua_finder *f, size_t i, unsigned char base, unsigned char *ci)
{
	const struct lua_instruction *branch = &f->execute.list[i + 1];
	unsigned char back;

	if (!lua_is_branch(&branch->insn) || lua_is_jumped_into(&f->execute, i, i + 1))
		return NULL;
	*ci = base;
	if (f->release >> 8 < LUA_VERSION(5, 4))
		return base == X86_NO_REGISTER ? NULL : branch;
	back = goes_back(f, branch->address + branch->insn.length);
	*ci = back == X86_NO_REGISTER ? goes_back(f, branch->insn.target) : back;
	return *ci == X86_NO_REGISTER || (base != X86_NO_REGISTER && base != *ci) ? NULL : branch;
}

static int find_returns(struct lua_finder *f)
{
	unsigned count = 0;

	for (size_t i = 0; i + 1 < f->execute.count; i++) {
		const struct lua_instruction *branch;
		unsigned char base, ci;
		int err;

		if (!asks_origin(f, &f->execute.list[i], &base))
			continue;
		branch = answer(f, i, base, &ci);
		if (!branch)
			return lua_refuse(f, "where functions return is not as expected in the interpreter's code");
		err = lua_add_place(f, RUNTIME_SITE_lua_return, branch->address, LUA_COOKIE_REGISTER(ci) | LUA_COOKIE_FRAME);
		if (err)
			return err;
		count++;
	}
	return count ? 0 : lua_refuse(f, "where functions return is not found in the interpreter's code");
}

/* 5.1: luaD_poscall() is what luaD_precall() calls when a C function has returned. */
static int find_poscall(struct lua_finder *f)
{
	__u64 precall = lua_find_precall(f, &f->execute);
	const struct extents_row *row = lua_function_at(&f->functions, precall);
	bool in_c = false;
	__u64 at;
	int count = 0, err = 0;

	for (at = precall; row && at < row->start + row->length;) {
		struct x86_insn insn;

		if (!lua_instruction(&f->functions, at, &insn) || (in_c && lua_is_call(&insn)))
			break;
		in_c |= insn.flow == X86_FLOW_CALL && !insn.target;
		at += insn.length;
	}
	for (size_t i = 0; row && i < f->execute.count && !err; i++) {
		struct x86_insn insn;

		if (!in_c || !lua_instruction(&f->functions, at, &insn) || !lua_is_call(&f->execute.list[i].insn) ||
		    f->execute.list[i].insn.target != insn.target)
			continue;
		err = lua_add_place(f, RUNTIME_SITE_lua_return, f->execute.list[i].address, LUA_COOKIE_REGISTER(X86_RDI));
		count++;
	}
	return err ?: count ? 0 : lua_refuse(f, "where functions return is not found in the interpreter's code");
}


/* ---- 5.4.0 and 5.4.1 ---- */

#define POSCALL_SPAN 16 /* instructions from the call of a C function to that of luaD_poscall() */
#define STORE_SPAN   12

/* luaD_poscall() by luaD_call(), which luaV_execute() calls and which calls that: it is called when a C function has returned. */
static __u64 poscall_of(const struct lua_finder *f, __u64 function)
{
	const struct extents_row *row = lua_function_at(&f->functions, function);
	__u64 at, execute = f->execute.list[0].address, poscall = 0;
	unsigned since = POSCALL_SPAN;
	bool calls_execute = false;
	struct x86_insn insn;

	for (at = function; row && at < row->start + row->length; at += insn.length) {
		if (!lua_instruction(&f->functions, at, &insn))
			return 0;
		calls_execute |= insn.target == execute;
		if (insn.flow == X86_FLOW_CALL && !insn.target)
			since = 0;
		else if (insn.flow != X86_FLOW_NEXT && since < POSCALL_SPAN) {
			if (poscall && poscall != insn.target)
				return 0;
			poscall = insn.target;
			since = POSCALL_SPAN;
		} else if (since < POSCALL_SPAN)
			since++;
	}
	return calls_execute && lua_function_at(&f->functions, poscall) ? poscall : 0;
}

static int find_returns_by_poscall(struct lua_finder *f)
{
	const struct lua_code *code = &f->execute;
	__u64 poscall = 0;
	int err = 0;

	for (size_t i = 0; i < code->count; i++) {
		__u64 found = lua_is_call(&code->list[i].insn) ? poscall_of(f, code->list[i].insn.target) : 0;

		if (found && poscall && found != poscall)
			return lua_refuse(f, "which function ends calls cannot be told");
		poscall = found ?: poscall;
	}
	if (!poscall)
		return lua_refuse(f, "luaD_poscall is not found in the interpreter's code");
	for (size_t i = 0; i < code->count && !err; i++)
		if (code->list[i].insn.target == poscall)
			err = lua_add_place(f, RUNTIME_SITE_lua_return, code->list[i].address,
					    LUA_COOKIE_REGISTER(X86_RSI) | LUA_COOKIE_FRAME);
	return err;
}

/* A register with ci, if the instruction is reg = ci->previous; else X86_NO_REGISTER. */
static unsigned char loads_previous(const struct lua_finder *f, const struct x86_insn *insn, unsigned char reg)
{
	if (insn->opcode != 0x8b || insn->reg != reg || !insn->wide || !insn->in_memory || insn->indexed || insn->base == reg ||
	    insn->displacement != f->layout->ci_previous)
		return X86_NO_REGISTER;
	return insn->base;
}

/* L->ci = ci->previous, by instruction `i`: the register with ci, else X86_NO_REGISTER. */
static unsigned char leaves(const struct lua_finder *f, size_t i)
{
	const struct lua_code *code = &f->execute;
	const struct x86_insn *store = &code->list[i].insn;
	unsigned char ci;

	if (store->opcode != 0x89 || !store->wide || !store->in_memory || store->indexed || store->displacement != f->layout->state_ci)
		return X86_NO_REGISTER;
	for (size_t k = i; k-- > 0 && i - k <= STORE_SPAN && code->list[k].insn.flow == X86_FLOW_NEXT;) {
		if (!lua_may_set(&code->list[k].insn, store->reg))
			continue;
		ci = loads_previous(f, &code->list[k].insn, store->reg);
		if (ci == store->base || ci == X86_NO_REGISTER || lua_is_jumped_into(code, k, i))
			return X86_NO_REGISTER;
		for (size_t between = k + 1; between < i; between++)
			if (lua_may_set(&code->list[between].insn, ci))
				return X86_NO_REGISTER;
		return ci;
	}
	return X86_NO_REGISTER;
}

/* OP_RETURN0 and OP_RETURN1 do without luaD_poscall() while there are no hooks. */
static int find_short_returns(struct lua_finder *f)
{
	unsigned count = 0;
	int err = 0;

	for (size_t i = 0; i < f->execute.count && !err; i++) {
		unsigned char ci = leaves(f, i);

		if (ci == X86_NO_REGISTER)
			continue;
		err = lua_add_place(f, RUNTIME_SITE_lua_return, f->execute.list[i].address, LUA_COOKIE_REGISTER(ci) | LUA_COOKIE_FRAME);
		count++;
	}
	return err ?: count == 2 ? 0 : lua_refuse(f, "where functions return is not as expected in the interpreter's code");
}

int lua_find_ends(struct lua_finder *f)
{
	if (f->release >> 8 == LUA_VERSION(5, 1))
		return find_poscall(f);
	if (f->release >= LUA_RELEASE(5, 4, 0) && f->release < LUA_RELEASE(5, 4, 2))
		return find_returns_by_poscall(f) ?: find_short_returns(f);
	if (!f->layout->status_fresh && !f->layout->status_reentry)
		return lua_refuse(f, "this release does not tell functions that C called from others");
	return find_returns(f);
}
