// SPDX-License-Identifier: GPL-2.0-only
/* What instructions of luaV_execute() tell. */
#include "finder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cookie.h"

#define SPAN 12 /* instructions looked back */

int lua_refuse(const struct lua_finder *f, const char *text)
{
	snprintf(f->why, f->size, "%s", text);
	return -ENOTSUP;
}

int lua_add_place(struct lua_finder *f, enum runtime_site site, __u64 address, __u64 cookie)
{
	struct lua_calls *calls = f->ret;

	if (calls->count == LUA_MAX_CALL_PLACES)
		return lua_refuse(f, "the interpreter has more places of calls than are expected");
	calls->places[calls->count++] = (struct lua_call_place){ site, address, cookie };
	return 0;
}

/* test reg,reg, of a whole register or of its lower half */
static bool tests_rax(const struct x86_insn *insn, bool wide)
{
	return insn->opcode == 0x85 && !insn->in_memory && insn->reg == X86_RAX && insn->rm == X86_RAX && insn->wide == wide;
}

static const unsigned char *bytes_of(const struct lua_finder *f, const struct lua_instruction *at)
{
	return f->functions.code.bytes + (at->address - f->functions.code.address);
}

__u32 lua_immediate(const struct lua_finder *f, const struct lua_instruction *at, unsigned size)
{
	const unsigned char *end = bytes_of(f, at) + at->insn.length;
	__u32 value = 0;

	memcpy(&value, end - size, size);
	return value;
}

/* mov $-1,%edx */
static bool is_multret(const struct lua_finder *f, const struct lua_instruction *at)
{
	return at->insn.opcode == 0xb8 + X86_RDX && at->insn.rm == X86_RDX && at->insn.length == 5 && lua_immediate(f, at, 4) == ~0u;
}

const struct lua_instruction *lua_judgement(const struct lua_code *code, size_t i, bool wide)
{
	size_t at = i + 1;

	if (!lua_is_call(&code->list[i].insn) || i + 3 >= code->count)
		return NULL;
	if (lua_is_move(&code->list[at].insn) && !tests_rax(&code->list[at].insn, wide))
		at++;
	if (!tests_rax(&code->list[at].insn, wide) || at + 1 >= code->count || !lua_is_branch(&code->list[at + 1].insn))
		return NULL;
	return &code->list[at + 1];
}

bool lua_is_jumped_into(const struct lua_code *code, size_t first, size_t last)
{
	__u64 from = code->list[first].address, to = code->list[last].address;

	for (size_t i = 0; i < code->count; i++) {
		const struct x86_insn *insn = &code->list[i].insn;

		if (insn->target > from && insn->target <= to && insn->flow != X86_FLOW_CALL)
			return true;
	}
	return false;
}

bool lua_is_tail(const struct lua_finder *f, const struct lua_code *code, size_t i)
{
	for (size_t k = i; k-- > 0 && i - k <= SPAN && code->list[k].insn.flow == X86_FLOW_NEXT;)
		if (is_multret(f, &code->list[k]))
			return !lua_is_jumped_into(code, k, i);
	return false;
}

static bool is_preserved(unsigned char reg)
{
	return reg == 3 || reg == X86_RBP || (reg >= 12 && reg <= 15); /* rbx, rbp, r12 to r15: the System V ABI */
}

bool lua_may_set(const struct x86_insn *insn, unsigned char reg)
{
	if (insn->opcode == 0x89 && insn->in_memory) /* a store */
		return false;
	if (insn->has_modrm)
		return insn->reg == reg || (!insn->in_memory && insn->rm == reg);
	return insn->rm == reg || insn->prefixed;
}

__u64 lua_state_cookie(const struct lua_code *code, size_t i)
{
	for (size_t k = i; k-- > 0 && i - k <= SPAN;) {
		const struct x86_insn *insn = &code->list[k].insn;
		unsigned char from;

		if (insn->flow != X86_FLOW_NEXT)
			return 0;
		if (!lua_may_set(insn, X86_RDI))
			continue;
		if (!insn->wide || insn->prefixed || lua_is_jumped_into(code, k, i))
			return 0;
		if (insn->opcode == 0x8b && insn->reg == X86_RDI && insn->in_memory && !insn->indexed &&
		    (insn->base == X86_RSP || insn->base == X86_RBP))
			return LUA_COOKIE_REGISTER(insn->base) | LUA_COOKIE_MEMORY | LUA_COOKIE_DISPLACEMENT(insn->displacement);
		if (!lua_is_move(insn) || (insn->opcode == 0x89 ? insn->rm : insn->reg) != X86_RDI)
			return 0;
		from = insn->opcode == 0x89 ? insn->reg : insn->rm;
		return is_preserved(from) ? LUA_COOKIE_REGISTER(from) : 0;
	}
	return 0;
}

