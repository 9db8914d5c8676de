// SPDX-License-Identifier: GPL-2.0-only
/* Where functions in Lua begin that luaV_execute() calls. */
#include <errno.h>

#include "cookie.h"
#include "finder.h"
#include "lua.h"

/* js, jns */
static bool asks_sign(const struct x86_insn *insn)
{
	return (insn->opcode & ~1u) == 0x78 || (insn->opcode & ~1u) == 0x0f88;
}

__u64 lua_find_precall(const struct lua_finder *f, const struct lua_code *code)
{
	__u64 found = 0;

	for (size_t i = 0; i < code->count; i++) {
		if (!lua_judgement(code, i, false) || !lua_is_tail(f, code, i))
			continue;
		if (found && found != code->list[i].insn.target)
			return 0;
		found = code->list[i].insn.target;
	}
	for (size_t i = 0; i < code->count && found; i++)
		if (code->list[i].insn.target == found && !lua_judgement(code, i, false))
			return 0;
	return found;
}

static int add_call(struct lua_finder *f, enum runtime_site site, size_t i, bool wide)
{
	__u64 cookie = lua_state_cookie(&f->execute, i);

	if (!cookie)
		return lua_refuse(f, "where the interpreter keeps its lua_State when it calls cannot be told");
	if (f->release >> 8 >= LUA_VERSION(5, 4))
		cookie |= LUA_COOKIE_POINTER;
	return lua_add_place(f, site, lua_judgement(&f->execute, i, wide)->address, cookie);
}

static int find_calls_by_precall(struct lua_finder *f, __u64 precall)
{
	unsigned tails = 0, calls = 0;

	for (size_t i = 0; i < f->execute.count; i++) {
		bool tail;
		int err;

		if (f->execute.list[i].insn.target != precall)
			continue;
		tail = lua_is_tail(f, &f->execute, i);
		tails += tail;
		calls += !tail;
		err = add_call(f, tail ? RUNTIME_SITE_lua_tail_called : RUNTIME_SITE_lua_called, i, false);
		if (err)
			return err;
	}
	return tails && calls ? 0 : lua_refuse(f, "OP_CALL and OP_TAILCALL cannot be told apart in the interpreter's code");
}

/* The one call whose result is judged as a pointer. 0: none such, or several. */
static size_t find_pointer(const struct lua_code *code)
{
	size_t found = 0;

	for (size_t i = 0; i < code->count; i++) {
		if (!lua_judgement(code, i, true))
			continue;
		if (found)
			return 0;
		found = i;
	}
	return found;
}

/* From 5.4.4 on: luaD_precall() gives a CallInfo *, luaD_pretailcall() an int that is negative for a Lua function. */
static int find_calls_by_results(struct lua_finder *f)
{
	size_t call = find_pointer(&f->execute), tail = 0;

	for (size_t i = 0; i < f->execute.count; i++) {
		const struct lua_instruction *branch = lua_judgement(&f->execute, i, false);

		if (!branch || !asks_sign(&branch->insn))
			continue;
		if (tail)
			return lua_refuse(f, "more calls than expected in the interpreter look like those of OP_TAILCALL");
		tail = i;
	}
	if (!call || !tail)
		return lua_refuse(f, "the calls by OP_CALL and OP_TAILCALL are not found in the interpreter's code");
	return add_call(f, RUNTIME_SITE_lua_called, call, true) ?: add_call(f, RUNTIME_SITE_lua_tail_called, tail, false);
}

/* ci->callstatus |= CIST_TAIL */
static bool sets_tail(const struct lua_finder *f, const struct lua_instruction *at)
{
	const struct x86_insn *insn = &at->insn;

	return (insn->opcode == 0x80 || insn->opcode == 0x83) && (insn->reg & 7) == 1 && insn->in_memory && !insn->indexed &&
	       insn->displacement == f->layout->ci_callstatus && lua_immediate(f, at, 1) == f->layout->status_tail;
}

/* luaD_pretailcall() of 5.4.0 to 5.4.3 is the one function called by luaV_execute() that says so of a CallInfo. */
static bool is_pretailcall(const struct lua_finder *f, __u64 function)
{
	const struct extents_row *row = lua_function_at(&f->functions, function);
	struct lua_instruction at = { .address = function };

	for (; row && at.address < row->start + row->length; at.address += at.insn.length) {
		if (!lua_instruction(&f->functions, at.address, &at.insn))
			return false;
		if (sets_tail(f, &at))
			return true;
	}
	return false;
}

/* There luaD_pretailcall() gives nothing: behind its call the frame is made. */
static int find_tail_call(struct lua_finder *f)
{
	const struct lua_code *code = &f->execute;
	size_t tail = 0;
	__u64 cookie;

	for (size_t i = 0; i < code->count; i++) {
		if (!lua_is_call(&code->list[i].insn) || !is_pretailcall(f, code->list[i].insn.target))
			continue;
		if (tail)
			return lua_refuse(f, "more calls than expected in the interpreter look like those of OP_TAILCALL");
		tail = i;
	}
	if (!tail || tail + 1 >= code->count || lua_is_jumped_into(code, tail, tail + 1) || lua_judgement(code, tail, false))
		return lua_refuse(f, "the call by OP_TAILCALL is not found in the interpreter's code");
	cookie = lua_state_cookie(code, tail);
	if (!cookie)
		return lua_refuse(f, "where the interpreter keeps its lua_State when it calls cannot be told");
	return lua_add_place(f, RUNTIME_SITE_lua_tail_called, code->list[tail + 1].address, cookie | LUA_COOKIE_MADE);
}

/* 5.4.2 and 5.4.3; before, OP_CALL calls luaV_execute() anew. */
static int find_calls_of_early_54(struct lua_finder *f)
{
	size_t call = find_pointer(&f->execute);
	int err = 0;

	if (f->release >= LUA_RELEASE(5, 4, 2))
		err = call ? add_call(f, RUNTIME_SITE_lua_called, call, true) :
			     lua_refuse(f, "the call by OP_CALL is not found in the interpreter's code");
	return err ?: find_tail_call(f);
}

int lua_find_begins(struct lua_finder *f)
{
	__u64 precall;

	if (f->release >= LUA_RELEASE(5, 4, 4))
		return find_calls_by_results(f);
	if (f->release >= LUA_RELEASE(5, 4, 0))
		return find_calls_of_early_54(f);
	precall = lua_find_precall(f, &f->execute);
	return precall ? find_calls_by_precall(f, precall) : lua_refuse(f, "luaD_precall is not found in the interpreter's code");
}
