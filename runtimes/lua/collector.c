// SPDX-License-Identifier: GPL-2.0-only
/*
 * The collector works in luaC_step(), which what allocates calls now and then (luaC_checkGC, lgc.h), and in lua_gc(), which the
 * program calls by collectgarbage(). lua_gc() is part of Lua's API; luaC_step() is hidden. It is the one function that all those
 * functions of the API call which make objects (lapi.c, the same in 5.1 to 5.5).
 *
 * They may end by a jump to another function (luaE_setdebt), which returns in their place: its rets are theirs too. A program at
 * such a ret tells by the stack pointer whose it is.
 */
#include "collector.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>

#include "../../profiler/base/cleanup.h"
#include "functions.h"
#include "lua.h"

#define MAX_FUNCTIONS 16	  /* that end one of them */
#define MAX_CALLEES   128	  /* of one function */

struct finder {
	struct lua_functions functions;
	struct lua_collector *ret;
	char *why;
	size_t size;
};

static int refuse(const struct finder *f, const char *text)
{
	snprintf(f->why, f->size, "%s", text);
	return -ENOTSUP;
}

static bool is_out(const struct extents_row *row, __u64 address)
{
	return address - row->start >= row->length;
}

/* ---- luaC_step ---- */

static const char *const allocating[] = { "lua_createtable", "lua_pushcclosure", "lua_concat", "lua_newthread", "lua_pushlstring",
					  "lua_pushstring", "lua_pushfstring" };

struct callees {
	__u64 at[MAX_CALLEES];
	unsigned count;
};

static bool callees_have(const struct callees *callees, __u64 address)
{
	for (unsigned i = 0; i < callees->count; i++)
		if (callees->at[i] == address)
			return true;
	return false;
}

/* Functions that one calls, or ends by jumping to. false: not all can be told. */
static bool read_callees(const struct finder *f, const struct extents_row *row, struct callees *ret)
{
	__u64 end = row->start + row->length;
	struct x86_insn insn;

	ret->count = 0;
	for (__u64 at = row->start; at < end; at += insn.length) {
		if (!lua_instruction(&f->functions, at, &insn))
			return false;
		if (!insn.target || !is_out(row, insn.target) || callees_have(ret, insn.target))
			continue;
		if (ret->count == MAX_CALLEES)
			return false;
		ret->at[ret->count++] = insn.target;
	}
	return true;
}

static int find_common(struct finder *f, __u64 *ret)
{
	struct callees common = { .count = 0 }, own;
	unsigned left;

	for (size_t i = 0; i < ARRAY_SIZE(allocating); i++) {
		const struct extents_row *row;
		struct elf_symbol symbol;

		if (elf_symbol(f->functions.elf, allocating[i], &symbol))
			return refuse(f, "the file is stripped and does not export Lua's functions, which would lead to luaC_step");
		row = lua_function_at(&f->functions, symbol.address);
		if (!row || !read_callees(f, row, &own))
			return refuse(f, "the file is stripped, and the code that would lead to luaC_step is not as expected");
		left = 0;
		for (unsigned k = 0; k < common.count; k++)
			if (callees_have(&own, common.at[k]))
				common.at[left++] = common.at[k];
		common.count = left;
		if (!i)
			common = own;
	}
	if (common.count != 1)
		return refuse(f, "the file is stripped, and which function is luaC_step cannot be told");
	*ret = common.at[0];
	return 0;
}

/* 5.2: luaC_step() only decides whether to do one, and then jumps to luaC_forcestep(), or to the much smaller luaE_setdebt(). */
static int find_forced(struct finder *f, __u64 step, __u64 *ret)
{
	const struct extents_row *row = lua_function_at(&f->functions, step), *largest = NULL, *next;
	struct callees callees;

	if (!row || !read_callees(f, row, &callees))
		return refuse(f, "the code of luaC_step is not as expected");
	for (unsigned i = 0; i < callees.count; i++) {
		next = lua_function_at(&f->functions, callees.at[i]);
		if (next && (!largest || next->length > largest->length))
			largest = next;
	}
	*ret = largest && largest->length > row->length ? largest->start : step;
	return 0;
}

static int find_step(struct finder *f, unsigned version)
{
	struct elf_symbol symbol;
	int err = 0;

	if (version == LUA_VERSION(5, 2) && !elf_symbol(f->functions.elf, "luaC_forcestep", &symbol)) {
		f->ret->step = symbol.address;
		return 0;
	}
	if (!elf_symbol(f->functions.elf, "luaC_step", &symbol))
		f->ret->step = symbol.address;
	else
		err = find_common(f, &f->ret->step);
	if (!err && version == LUA_VERSION(5, 2))
		err = find_forced(f, f->ret->step, &f->ret->step);
	return err;
}

/* ---- where they end ---- */

static int add_exit(struct finder *f, __u64 address)
{
	struct lua_collector *c = f->ret;

	for (unsigned i = 0; i < c->exit_count; i++)
		if (c->exits[i] == address)
			return 0;
	if (c->exit_count == LUA_MAX_EXITS)
		return refuse(f, "the collector's functions end at too many places");
	c->exits[c->exit_count++] = address;
	return 0;
}

/* What is reached by jumps from a function's beginning: itself, its parts elsewhere, and functions that end it. */
struct reached {
	const struct extents_row *rows[MAX_FUNCTIONS];
	unsigned count;
};

static bool reach(const struct finder *f, struct reached *reached, __u64 target)
{
	const struct extents_row *row;

	for (unsigned i = 0; i < reached->count; i++)
		if (!is_out(reached->rows[i], target))
			return true;
	row = lua_function_at(&f->functions, target);
	if (!row || reached->count == MAX_FUNCTIONS)
		return false;
	reached->rows[reached->count++] = row;
	return true;
}

/* Does it leave for where nobody knows? A switch jumps by a register, amidst the function. */
static bool is_lost(const struct x86_insn *insn, const struct x86_insn *last)
{
	bool add = (last->opcode == 0x83 || last->opcode == 0x81) && !(last->reg & 7) && !last->in_memory && last->rm == X86_RSP;
	bool freed = add || (last->opcode & ~7u) == 0x58 || last->opcode == 0xc9;

	return insn->flow == X86_FLOW_AWAY && insn->opcode == 0xff && (insn->in_memory || freed);
}

static int find_exits(struct finder *f, __u64 function)
{
	struct reached reached = { .count = 0 };

	if (!reach(f, &reached, function))
		return refuse(f, "where the collector's functions begin and end cannot be told");
	for (unsigned i = 0; i < reached.count; i++) {
		__u64 at = reached.rows[i]->start, end = at + reached.rows[i]->length;
		struct x86_insn insn, last = { 0 };

		for (; at < end; at += insn.length, last = insn) {
			bool jumps, known = lua_instruction(&f->functions, at, &insn);

			jumps = known && (insn.flow == X86_FLOW_BRANCH || insn.flow == X86_FLOW_JUMP);
			if (!known || is_lost(&insn, &last) || (jumps && !reach(f, &reached, insn.target)))
				return refuse(f, "where the collector's functions return cannot be told for certain");
			if (insn.flow == X86_FLOW_RETURN && add_exit(f, at))
				return -ENOTSUP;
		}
	}
	return 0;
}

static int find_all(struct finder *f, unsigned version)
{
	struct elf_symbol symbol;
	int err = find_step(f, version);

	if (err)
		return err;
	if (elf_symbol(f->functions.elf, "lua_gc", &symbol))
		return refuse(f, "the file is stripped and does not export lua_gc");
	f->ret->gc = symbol.address;
	err = find_exits(f, f->ret->step);
	err = err ?: find_exits(f, f->ret->gc);
	f->ret->step = python_function_entry(&f->functions.code, f->ret->step);
	f->ret->gc = python_function_entry(&f->functions.code, f->ret->gc);
	return err;
}

int lua_collector_find(const struct elf *elf, unsigned release, struct lua_collector *ret, char *why, size_t size)
{
	struct finder f = { .ret = ret, .why = why, .size = size };
	int err = lua_functions_open(elf, &f.functions);

	*ret = (struct lua_collector){ 0 };
	if (err == -ENOTSUP)
		refuse(&f, elf_machine(elf) == EM_X86_64 ? "the file does not tell where its functions begin and end" :
							   "the collector is only looked for in code of x86-64");
	err = err ?: find_all(&f, release >> 8);
	lua_functions_close(&f.functions);
	return err;
}
