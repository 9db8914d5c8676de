// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of Lua functions, as ldo.c and lvm.c of 5.1 to 5.5 make them. From C a function begins by luaV_execute(), which is also
 * entered where a coroutine goes on. From Lua it stays in luaV_execute(): OP_CALL and OP_TAILCALL ask luaD_precall() (from 5.4.4 on
 * OP_TAILCALL luaD_pretailcall()) to make the frame, which is then whole, and look at the result: at the branch behind that look
 * a probe finds the frame of the new function, and costs little, since the kernel emulates branches. All returns of Lua functions
 * meet at one question, whether the function had been called by C (ci->callstatus, 5.2 and later); 5.1 has one call of luaD_poscall()
 * for all. Errors, and from 5.2 on coroutines that yield, leave by luaD_throw(), which is the one caller of longjmp().
 *
 * Nothing of this is exported. What tells the places apart are these calls, questions and branches; each must be there as often as
 * it is in the source, or there are no places.
 */
#include "calls.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "../python/python.h"
#include "cookie.h"
#include "functions.h"
#include "lua.h"

#define MIN_EXECUTE 3000 /* bytes of luaV_execute(): 5700 to 16300 in Debian's */
#define MIN_THROWS  3	 /* callers that luaD_throw() has at least; 13 to 26 in Debian's */
#define SPAN	    12	 /* instructions looked back */

enum { RAX = 0, RDX = 2, RDI = 7 };

struct finder {
	struct lua_functions functions;
	struct lua_code execute; /* luaV_execute() */
	const struct lua_layout *layout;
	unsigned release;
	struct lua_calls *ret;
	char *why;
	size_t size;
};

static int refuse(const struct finder *f, const char *text)
{
	snprintf(f->why, f->size, "%s", text);
	return -ENOTSUP;
}

static int add(struct finder *f, enum runtime_site site, __u64 address, __u64 cookie)
{
	struct lua_calls *calls = f->ret;

	if (calls->count == LUA_MAX_CALL_PLACES)
		return refuse(f, "the interpreter has more places of calls than are expected");
	calls->places[calls->count++] = (struct lua_call_place){ site, address, cookie };
	return 0;
}

/* ---- instructions ---- */

static bool is_branch(const struct x86_insn *insn)
{
	return insn->flow == X86_FLOW_BRANCH;
}

static bool is_call(const struct x86_insn *insn)
{
	return insn->flow == X86_FLOW_CALL && insn->target;
}

/* test reg,reg, of a whole register or of its lower half */
static bool tests_rax(const struct x86_insn *insn, bool wide)
{
	return insn->opcode == 0x85 && !insn->in_memory && insn->reg == RAX && insn->rm == RAX && insn->wide == wide;
}

static bool is_move(const struct x86_insn *insn)
{
	return !insn->in_memory && !insn->prefixed && (insn->opcode == 0x89 || insn->opcode == 0x8b);
}

/* js, jns */
static bool asks_sign(const struct x86_insn *insn)
{
	return (insn->opcode & ~1u) == 0x78 || (insn->opcode & ~1u) == 0x0f88;
}

static const unsigned char *bytes_of(const struct finder *f, const struct lua_instruction *at)
{
	return f->functions.code.bytes + (at->address - f->functions.code.address);
}

/* The number that ends an instruction. */
static __u32 immediate(const struct finder *f, const struct lua_instruction *at, unsigned size)
{
	const unsigned char *end = bytes_of(f, at) + at->insn.length;
	__u32 value = 0;

	memcpy(&value, end - size, size);
	return value;
}

/* mov $-1,%edx */
static bool is_multret(const struct finder *f, const struct lua_instruction *at)
{
	return at->insn.opcode == 0xb8 + RDX && at->insn.rm == RDX && at->insn.length == 5 && immediate(f, at, 4) == ~0u;
}

/*
 * The branch by which the result of call `i` is judged, with nothing between them but the look at it and a copy of it. NULL: the
 * result is not looked at in this way.
 */
static const struct lua_instruction *judgement(const struct lua_code *code, size_t i, bool wide)
{
	size_t at = i + 1;

	if (!is_call(&code->list[i].insn) || i + 3 >= code->count)
		return NULL;
	if (is_move(&code->list[at].insn) && !tests_rax(&code->list[at].insn, wide))
		at++;
	if (!tests_rax(&code->list[at].insn, wide) || at + 1 >= code->count || !is_branch(&code->list[at + 1].insn))
		return NULL;
	return &code->list[at + 1];
}

/* Does a jump of this function lead behind instruction `first`, up to `last`? */
static bool is_jumped_into(const struct lua_code *code, size_t first, size_t last)
{
	__u64 from = code->list[first].address, to = code->list[last].address;

	for (size_t i = 0; i < code->count; i++) {
		const struct x86_insn *insn = &code->list[i].insn;

		if (insn->target > from && insn->target <= to && insn->flow != X86_FLOW_CALL)
			return true;
	}
	return false;
}

static bool is_preserved(unsigned char reg)
{
	return reg == 3 || reg == X86_RBP || (reg >= 12 && reg <= 15); /* rbx, rbp, r12 to r15: the System V ABI */
}

/* May an instruction set %rdi? */
static bool may_set_rdi(const struct x86_insn *insn)
{
	if (insn->opcode == 0x89 && insn->in_memory) /* a store */
		return false;
	if (insn->has_modrm)
		return insn->reg == RDI || (!insn->in_memory && insn->rm == RDI);
	return insn->rm == RDI || insn->prefixed;
}

/*
 * Where the first argument of call `i`, a lua_State, comes from, and stays when the call has returned: a register that functions
 * preserve, or a place in the frame. 0: it cannot be told.
 */
static __u64 state_cookie(const struct lua_code *code, size_t i)
{
	for (size_t k = i; k-- > 0 && i - k <= SPAN;) {
		const struct x86_insn *insn = &code->list[k].insn;
		unsigned char from;

		if (insn->flow != X86_FLOW_NEXT)
			return 0;
		if (!may_set_rdi(insn))
			continue;
		if (!insn->wide || insn->prefixed || is_jumped_into(code, k, i))
			return 0;
		if (insn->opcode == 0x8b && insn->reg == RDI && insn->in_memory && !insn->indexed &&
		    (insn->base == X86_RSP || insn->base == X86_RBP))
			return LUA_COOKIE_REGISTER(insn->base) | LUA_COOKIE_MEMORY | LUA_COOKIE_DISPLACEMENT(insn->displacement);
		if (!is_move(insn) || (insn->opcode == 0x89 ? insn->rm : insn->reg) != RDI)
			return 0;
		from = insn->opcode == 0x89 ? insn->reg : insn->rm;
		return is_preserved(from) ? LUA_COOKIE_REGISTER(from) : 0;
	}
	return 0;
}

/* ---- beginnings ---- */

/* 5.1 to 5.3: is call `i` made with LUA_MULTRET as its third argument, whatever the instruction says? Only OP_TAILCALL does. */
static bool is_tail(const struct finder *f, const struct lua_code *code, size_t i)
{
	for (size_t k = i; k-- > 0 && i - k <= SPAN && code->list[k].insn.flow == X86_FLOW_NEXT;)
		if (is_multret(f, &code->list[k]))
			return !is_jumped_into(code, k, i);
	return false;
}

/*
 * luaD_precall() by how luaV_execute() calls it in 5.1 to 5.3: each time its result, an int, is looked at, and for tail calls all
 * its results are wanted. 0: none such, or several.
 */
static __u64 find_precall(const struct finder *f, const struct lua_code *code)
{
	__u64 found = 0;

	for (size_t i = 0; i < code->count; i++) {
		if (!judgement(code, i, false) || !is_tail(f, code, i))
			continue;
		if (found && found != code->list[i].insn.target)
			return 0;
		found = code->list[i].insn.target;
	}
	for (size_t i = 0; i < code->count && found; i++)
		if (code->list[i].insn.target == found && !judgement(code, i, false))
			return 0;
	return found;
}

static int add_call(struct finder *f, enum runtime_site site, size_t i, bool wide)
{
	__u64 cookie = state_cookie(&f->execute, i);

	if (!cookie)
		return refuse(f, "where the interpreter keeps its lua_State when it calls cannot be told");
	if (f->release >> 8 >= LUA_VERSION(5, 4))
		cookie |= LUA_COOKIE_POINTER;
	return add(f, site, judgement(&f->execute, i, wide)->address, cookie);
}

static int find_calls_by_precall(struct finder *f, __u64 precall)
{
	unsigned tails = 0, calls = 0;

	for (size_t i = 0; i < f->execute.count; i++) {
		bool tail;
		int err;

		if (f->execute.list[i].insn.target != precall)
			continue;
		tail = is_tail(f, &f->execute, i);
		tails += tail;
		calls += !tail;
		err = add_call(f, tail ? RUNTIME_SITE_lua_tail_called : RUNTIME_SITE_lua_called, i, false);
		if (err)
			return err;
	}
	return tails && calls ? 0 : refuse(f, "OP_CALL and OP_TAILCALL cannot be told apart in the interpreter's code");
}

/* From 5.4.4 on: luaD_precall() gives a CallInfo *, luaD_pretailcall() an int that is negative for a Lua function. */
static int find_calls_by_results(struct finder *f)
{
	size_t call = 0, tail = 0;

	for (size_t i = 0; i < f->execute.count; i++) {
		const struct lua_instruction *branch = judgement(&f->execute, i, false);
		bool pointer = judgement(&f->execute, i, true), negative = branch && asks_sign(&branch->insn);

		if ((pointer && call) || (negative && tail))
			return refuse(f, "more calls than expected in the interpreter look like those of OP_CALL");
		call = pointer ? i : call;
		tail = negative ? i : tail;
	}
	if (!call || !tail)
		return refuse(f, "the calls by OP_CALL and OP_TAILCALL are not found in the interpreter's code");
	return add_call(f, RUNTIME_SITE_lua_called, call, true) ?: add_call(f, RUNTIME_SITE_lua_tail_called, tail, false);
}

/* ---- ends ---- */

/* Does it ask for the bit of ci->callstatus which tells that C called? *base: the register with ci, X86_NO_REGISTER: not told here. */
static bool asks_origin(const struct finder *f, const struct lua_instruction *at, unsigned char *base)
{
	__u32 bit = f->layout->status_fresh ?: f->layout->status_reentry;
	unsigned low = bit ? (unsigned)__builtin_ctz(bit) : 0;

	*base = at->insn.in_memory ? at->insn.base : X86_NO_REGISTER;
	if (at->insn.opcode == 0xf6 && !(at->insn.reg & 7) && at->insn.in_memory && !at->insn.indexed && /* test $bit,(ci) */
	    at->insn.displacement == (__s32)(f->layout->ci_callstatus + low / 8))
		return immediate(f, at, 1) == 1u << low % 8;
	return at->insn.opcode == 0xa9 && !at->insn.prefixed && !at->insn.wide && immediate(f, at, 4) == bit; /* test $bit,%eax */
}

/* ci = ci->previous, which is what is done from 5.4 on where C did not call: the register with ci, else X86_NO_REGISTER. */
static unsigned char goes_back(const struct finder *f, __u64 address)
{
	struct x86_insn insn;

	if (!lua_instruction(&f->functions, address, &insn) || insn.opcode != 0x8b || !insn.in_memory || !insn.wide || insn.indexed ||
	    insn.base != insn.reg || insn.displacement != f->layout->ci_previous)
		return X86_NO_REGISTER;
	return insn.reg;
}

/* The branch behind the question, and in *ci the register with the CallInfo there. NULL: it is not as expected. */
static const struct lua_instruction *answer(const struct finder *f, size_t i, unsigned char base, unsigned char *ci)
{
	const struct lua_instruction *branch = &f->execute.list[i + 1];
	unsigned char back;

	if (!is_branch(&branch->insn) || is_jumped_into(&f->execute, i, i + 1))
		return NULL;
	*ci = base;
	if (f->release >> 8 < LUA_VERSION(5, 4))
		return base == X86_NO_REGISTER ? NULL : branch;
	back = goes_back(f, branch->address + branch->insn.length);
	*ci = back == X86_NO_REGISTER ? goes_back(f, branch->insn.target) : back;
	return *ci == X86_NO_REGISTER || (base != X86_NO_REGISTER && base != *ci) ? NULL : branch;
}

static int find_returns(struct finder *f)
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
			return refuse(f, "where functions return is not as expected in the interpreter's code");
		err = add(f, RUNTIME_SITE_lua_return, branch->address, LUA_COOKIE_REGISTER(ci) | LUA_COOKIE_FRAME);
		if (err)
			return err;
		count++;
	}
	return count ? 0 : refuse(f, "where functions return is not found in the interpreter's code");
}

/* 5.1: luaD_poscall() is what luaD_precall() calls when a C function has returned. */
static int find_poscall(struct finder *f, __u64 precall)
{
	const struct extents_row *row = lua_function_at(&f->functions, precall);
	bool in_c = false;
	__u64 at;
	int count = 0, err = 0;

	for (at = precall; row && at < row->start + row->length;) {
		struct x86_insn insn;

		if (!lua_instruction(&f->functions, at, &insn) || (in_c && is_call(&insn)))
			break;
		in_c |= insn.flow == X86_FLOW_CALL && !insn.target;
		at += insn.length;
	}
	for (size_t i = 0; row && i < f->execute.count && !err; i++) {
		struct x86_insn insn;

		if (!in_c || !lua_instruction(&f->functions, at, &insn) || !is_call(&f->execute.list[i].insn) ||
		    f->execute.list[i].insn.target != insn.target)
			continue;
		err = add(f, RUNTIME_SITE_lua_return, f->execute.list[i].address, LUA_COOKIE_REGISTER(RDI));
		count++;
	}
	return err ?: count ? 0 : refuse(f, "where functions return is not found in the interpreter's code");
}

/* ---- the functions ---- */

static bool is_execute(const struct finder *f, const struct lua_code *code)
{
	return find_precall(f, code) != 0;
}

/* 5.1 to 5.3, stripped: the one function that calls as luaV_execute() does. */
static int search_execute(struct finder *f, const struct extents_row **ret)
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
			return refuse(f, "the file is stripped, and which function is the interpreter cannot be told");
		*ret = found ? row : *ret;
	}
	return *ret ? 0 : refuse(f, "the file is stripped, and the interpreter is not found in its code");
}

static int find_execute(struct finder *f)
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
		return refuse(f, "the interpreter's own function is not found in the file");
	err = lua_code_read(&f->functions, row, &f->execute);
	return err == -ENOTSUP ? refuse(f, "the interpreter has instructions that are not known") : err;
}

/* How many calls of a function there are, as far as code is known; and the function in which the last one is. */
static unsigned count_calls(const struct finder *f, __u64 function, const struct extents_row **from)
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

static int find_throw(struct finder *f)
{
	static const char *const jumps[] = { "_longjmp", "longjmp", "siglongjmp", "__longjmp_chk" };
	const struct extents_row *row = NULL, *caller;
	struct elf_symbol symbol;
	__u64 jump;

	if (!elf_symbol(f->functions.elf, "luaD_throw", &symbol))
		row = lua_function_at(&f->functions, symbol.address);
	for (size_t i = 0; i < ARRAY_SIZE(jumps) && !row; i++)
		if (!python_linkage(f->functions.elf, jumps[i], &jump) && count_calls(f, jump, &row) != 1)
			return refuse(f, "which function throws errors cannot be told");
	if (!row)
		return refuse(f, "the function that throws errors is not found: it does not call longjmp, as in a build for C++");
	if (count_calls(f, row->start, &caller) < MIN_THROWS)
		return refuse(f, "which function throws errors cannot be told");
	return add(f, RUNTIME_SITE_lua_throw, python_function_entry(&f->functions.code, row->start), 0);
}

static int find_all(struct finder *f)
{
	__u64 precall = 0;
	int err;

	if (f->release >= LUA_RELEASE(5, 4, 0) && f->release < LUA_RELEASE(5, 4, 4))
		return refuse(f, "5.4.0 to 5.4.3 make tail calls in a way of their own");
	if (f->release >> 8 >= LUA_VERSION(5, 2) && !f->layout->status_fresh && !f->layout->status_reentry)
		return refuse(f, "this release does not tell functions that C called from others");
	err = find_execute(f);
	if (err)
		return err;
	err = add(f, RUNTIME_SITE_lua_execute, python_function_entry(&f->functions.code, f->execute.list[0].address), 0);
	if (f->release >> 8 < LUA_VERSION(5, 4)) {
		precall = find_precall(f, &f->execute);
		err = err ?: precall ? find_calls_by_precall(f, precall) :
				       refuse(f, "luaD_precall is not found in the interpreter's code");
	} else {
		err = err ?: find_calls_by_results(f);
	}
	err = err ?: f->release >> 8 == LUA_VERSION(5, 1) ? find_poscall(f, precall) : find_returns(f);
	return err ?: find_throw(f);
}

int lua_calls_find(const struct elf *elf, unsigned release, const struct lua_layout *layout, struct lua_calls *ret, char *why,
		   size_t size)
{
	struct finder f = { .layout = layout, .release = release, .ret = ret, .why = why, .size = size };
	int err = lua_functions_open(elf, &f.functions);

	ret->count = 0;
	if (err == -ENOTSUP)
		refuse(&f, elf_machine(elf) == EM_X86_64 ? "the file does not tell where its functions begin and end" :
							   "calls are only looked for in code of x86-64");
	err = err ?: find_all(&f);
	lua_code_deinit(&f.execute);
	lua_functions_close(&f.functions);
	return err;
}
