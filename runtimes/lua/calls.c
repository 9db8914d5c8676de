// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of Lua functions, as ldo.c and lvm.c of 5.1 to 5.5 make them. From C a function begins by luaV_execute(), which is also
 * entered where a coroutine goes on. From Lua it stays in luaV_execute(): OP_CALL and OP_TAILCALL ask luaD_precall() (from 5.4.4 on
 * OP_TAILCALL luaD_pretailcall()) to make the frame, which is then whole, and look at the result: at the branch behind that look
 * a probe finds the frame of the new function, and costs little, since the kernel emulates branches. All returns of Lua functions
 * meet at one question, whether the function had been called by C (ci->callstatus, 5.2 and later); 5.1 has one call of luaD_poscall()
 * for all. Errors, and from 5.2 on coroutines that yield, leave by luaD_throw(), which is the one caller of longjmp().
 *
 * Others are 5.4.0 to 5.4.3, where luaD_pretailcall() is only called for functions in Lua and gives nothing: the place is behind its call.
 * And in 5.4.0 and 5.4.1 OP_CALL calls luaV_execute() anew, so that no question is needed where a function returns: what is seen is
 * luaD_poscall(), and where OP_RETURN0 and OP_RETURN1 do without it the store of L->ci.
 *
 * Nothing of this is exported. What tells the places apart are these calls, questions and branches; each must be there as often as
 * it is in the source, or there are no places.
 */
#include "calls.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>

#include "../../profiler/base/cleanup.h"
#include "../python/python.h"
#include "finder.h"
#include "lua.h"

#define MIN_EXECUTE 3000 /* bytes of luaV_execute(): 5700 to 16300 in Debian's */
#define MIN_THROWS  3	 /* callers that luaD_throw() has at least; 13 to 26 in Debian's */

/* ---- the functions ---- */

static bool is_execute(const struct lua_finder *f, const struct lua_code *code)
{
	return lua_find_precall(f, code) != 0;
}

/* 5.1 to 5.3, stripped: the one function that calls as luaV_execute() does. */
static int search_execute(struct lua_finder *f, const struct extents_row **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < f->functions.extents.count; i++) {
		const struct extents_row *row = &f->functions.extents.rows[i];
		struct lua_code code;
		bool found;
		int err;

		if (row->length < MIN_EXECUTE || row->length > LUA_MAX_FUNCTION)
			continue;
		err = lua_code_read(&f->functions, row, &code);
		found = !err && is_execute(f, &code);
		lua_code_deinit(&code);
		if (err == -ENOMEM)
			return err;
		if (found && *ret)
			return lua_refuse(f, "the file is stripped, and which function is the interpreter cannot be told");
		*ret = found ? row : *ret;
	}
	return *ret ? 0 : lua_refuse(f, "the file is stripped, and the interpreter is not found in its code");
}

static int find_execute(struct lua_finder *f)
{
	const struct extents_row *row = NULL;
	struct elf_symbol symbol;
	struct elf_range range;
	int err = 0;

	if (!elf_symbol(f->functions.elf, "luaV_execute", &symbol))
		row = lua_function_at(&f->functions, symbol.address);
	else if (f->release >> 8 < LUA_VERSION(5, 4))
		err = search_execute(f, &row);
	else if (lua_eval(f->functions.elf, &range, 1) > 0)
		row = lua_function_at(&f->functions, range.address);
	if (err)
		return err;
	if (!row)
		return lua_refuse(f, "the interpreter's own function is not found in the file");
	err = lua_code_read(&f->functions, row, &f->execute);
	return err == -ENOTSUP ? lua_refuse(f, "the interpreter has instructions that are not known") : err;
}

/* How many calls of a function there are, as far as code is known; and the function in which the last one is. */
static unsigned count_calls(const struct lua_finder *f, __u64 function, const struct extents_row **from)
{
	const struct extents *extents = &f->functions.extents;
	struct elf_range plt = { 0 };
	unsigned count = 0;

	elf_section(f->functions.elf, ".plt", &plt);
	for (size_t i = 0; i < extents->count; i++) {
		const struct extents_row *row = &extents->rows[i];
		__u64 at = row->start, end = at + row->length;
		struct x86_insn insn;

		if (at - plt.address < plt.size)
			continue;
		for (; at < end && lua_instruction(&f->functions, at, &insn); at += insn.length) {
			if (insn.target != function)
				continue;
			*from = row;
			count++;
		}
	}
	return count;
}

static int find_throw(struct lua_finder *f)
{
	static const char *const jumps[] = { "_longjmp", "longjmp", "siglongjmp", "__longjmp_chk" };
	const struct extents_row *row = NULL, *caller;
	struct elf_symbol symbol;
	__u64 jump;

	if (!elf_symbol(f->functions.elf, "luaD_throw", &symbol))
		row = lua_function_at(&f->functions, symbol.address);
	for (size_t i = 0; i < ARRAY_SIZE(jumps) && !row; i++)
		if (!python_linkage(f->functions.elf, jumps[i], &jump) && count_calls(f, jump, &row) != 1)
			return lua_refuse(f, "which function throws errors cannot be told");
	if (!row)
		return lua_refuse(f, "the function that throws errors is not found: it does not call longjmp, as in a build for C++");
	if (count_calls(f, row->start, &caller) < MIN_THROWS)
		return lua_refuse(f, "which function throws errors cannot be told");
	return lua_add_place(f, RUNTIME_SITE_lua_throw, python_function_entry(&f->functions.code, row->start), 0);
}

static int find_all(struct lua_finder *f)
{
	int err = find_execute(f);

	err = err ?: lua_add_place(f, RUNTIME_SITE_lua_execute,
				   python_function_entry(&f->functions.code, f->execute.list[0].address), 0);
	err = err ?: lua_find_begins(f);
	err = err ?: lua_find_ends(f);
	return err ?: find_throw(f);
}

int lua_calls_find(const struct elf *elf, unsigned release, const struct lua_layout *layout, struct lua_calls *ret, char *why,
		   size_t size)
{
	struct lua_finder f = { .layout = layout, .release = release, .ret = ret, .why = why, .size = size };
	int err = lua_functions_open(elf, &f.functions);

	ret->count = 0;
	if (err == -ENOTSUP)
		lua_refuse(&f, elf_machine(elf) == EM_X86_64 ? "the file does not tell where its functions begin and end" :
							   "calls are only looked for in code of x86-64");
	err = err ?: find_all(&f);
	lua_code_deinit(&f.execute);
	lua_functions_close(&f.functions);
	return err;
}
