// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a function is about to return, by instructions that the kernel emulates: a ret it does not. All ways to the function's only ret
 * lead through its tail, the instructions before it that nothing jumps between. Into the tail lead jumps, each of which is taken only
 * to return, and what stands right before it, of which only known things are good: the call of _Py_CheckFunctionResult() that the eval
 * function makes of the value it returns (to 3.10: Python/ceval.c, exit_eval_frame), or a NULL being made (where it returns at once,
 * the recursion being too deep).
 */
#include "exits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "../../profiler/elf.h"
#include "../x86.h"
#include "cookie.h"
#include "python.h"

#define MAX_FUNCTION (1u << 20)
#define MAX_TABLES   8192
#define TABLE_BYTES  4096 /* of a table of jumps at most: one for each opcode takes 1024 */

enum { RAX, RDX = 2, RSI = 6 };

/* What is known of the function while it is looked at. */
struct tail {
	const struct python_code *code;
	const struct elf *elf;
	__u64 start, end; /* of the function */
	__u64 first, ret; /* of the tail: its first instruction, and its last one */
	__u64 before;	  /* the instruction right before it; 0: none leads on to it */
	struct x86_insn before_insn;
	__u64 jumps[PYTHON_EXITS]; /* that lead to it */
	size_t jump_count;
};

static bool decode(const struct tail *t, __u64 address, struct x86_insn *ret)
{
	__u64 at = address - t->code->address;

	return at < t->code->size && x86_decode(t->code->bytes + at, t->code->size - at, address, ret);
}

static bool in_tail(const struct tail *t, __u64 address)
{
	return address >= t->first && address <= t->ret;
}

/* Not by what a return does: it takes the stack back, and the registers that the caller wants to find as they were. */
static bool changes_value(const struct x86_insn *insn)
{
	bool pop = (insn->opcode & ~7u) == 0x58, adjusts = insn->opcode == 0x81 || insn->opcode == 0x83 || insn->opcode == 0x8d;

	if (pop)
		return insn->rm == RAX;
	if (adjusts && insn->opcode == 0x8d)
		return insn->reg != X86_RSP;
	return !(adjusts && !insn->in_memory && insn->rm == X86_RSP) && insn->opcode != 0xc9;
}

/* The last instructions before the ret that go straight on and leave the value alone. */
static int find_run(struct tail *t)
{
	struct x86_insn insn;

	t->first = t->start;
	for (__u64 at = t->start; at < t->end; at += insn.length) {
		if (!decode(t, at, &insn))
			return -ENOTSUP;
		if (at == t->ret)
			return insn.flow == X86_FLOW_RETURN ? 0 : -ENOTSUP;
		if (insn.flow != X86_FLOW_NEXT || changes_value(&insn)) {
			t->first = at + insn.length;
			t->before = insn.flow == X86_FLOW_JUMP || insn.flow == X86_FLOW_AWAY || insn.flow == X86_FLOW_RETURN ? 0 : at;
			t->before_insn = insn;
		}
	}
	return -ENOTSUP;
}

/* The jumps of the function into the tail: all to its beginning, or it is none. */
static int find_jumps(struct tail *t)
{
	struct x86_insn insn;

	for (__u64 at = t->start; at < t->end; at += insn.length) {
		if (!decode(t, at, &insn))
			return -ENOTSUP;
		if ((insn.flow != X86_FLOW_JUMP && insn.flow != X86_FLOW_BRANCH) || !in_tail(t, insn.target))
			continue;
		if (insn.flow != X86_FLOW_JUMP || insn.target != t->first || t->jump_count == PYTHON_EXITS - 1)
			return -ENOTSUP;
		t->jumps[t->jump_count++] = at;
	}
	return 0;
}

static bool is_known_jump(const struct tail *t, __u64 address)
{
	for (size_t i = 0; i < t->jump_count; i++)
		if (t->jumps[i] == address)
			return true;
	return false;
}

/* From anywhere else: every byte of the code is taken for the beginning of a jump or call with a displacement of four bytes. */
static bool is_reached_from_afar(const struct tail *t)
{
	for (size_t at = 0; at + 6 <= t->code->size; at++) {
		const unsigned char *b = t->code->bytes + at;
		bool branch = b[0] == 0x0f && (b[1] & 0xf0) == 0x80;
		__s32 by;

		if (!branch && b[0] != 0xe8 && b[0] != 0xe9)
			continue;
		memcpy(&by, b + 1 + branch, sizeof(by));
		if (in_tail(t, t->code->address + at + 5 + branch + (__u64)(__s64)by) && !is_known_jump(t, t->code->address + at))
			return true;
	}
	return false;
}

/* May a jump lead there? Elsewhere, or to where an instruction of the function begins. */
static bool is_target(const struct tail *t, const unsigned char *begins, __u64 address)
{
	__u64 at = address - t->start;

	return address - t->code->address < t->code->size && (at >= t->end - t->start || begins[at / 8] >> at % 8 & 1);
}

/* Is one of the tail's addresses in the table at this one, as a distance from its beginning? It ends where nothing is a target. */
static bool is_in_table(const struct tail *t, const unsigned char *begins, __u64 table)
{
	__s32 entries[TABLE_BYTES / sizeof(__s32)];
	size_t size = sizeof(entries);

	while (size >= 64 && elf_read(t->elf, table, entries, size))
		size /= 2;
	for (size_t i = 0; size >= 64 && i < size / sizeof(entries[0]); i++) {
		__u64 target = table + (__u64)(__s64)entries[i];

		if (!is_target(t, begins, target))
			return false;
		if (in_tail(t, target))
			return true;
	}
	return false;
}

/* By the tables of distances that position-independent code jumps by: each is named by a lea. */
static bool is_reached_by_distance(const struct tail *t)
{
	_cleanup_free_ unsigned char *begins = calloc((t->end - t->start) / 8 + 1, 1);
	unsigned tables = 0;
	struct x86_insn insn;

	for (__u64 at = t->start; begins && at < t->end; at += insn.length) {
		if (!decode(t, at, &insn))
			return true;
		begins[(at - t->start) / 8] |= 1u << (at - t->start) % 8;
	}
	for (__u64 at = t->start; begins && at < t->end && decode(t, at, &insn); at += insn.length) {
		if (insn.opcode != 0x8d || !insn.in_memory || insn.indexed || insn.base != X86_NO_REGISTER)
			continue;
		if (tables++ == MAX_TABLES || is_in_table(t, begins, at + insn.length + (__u64)(__s64)insn.displacement))
			return true;
	}
	return !begins;
}

#define CHUNK (1u << 20)

/* By tables of addresses: is one of the tail's anywhere in the file? */
static bool is_reached_by_address(const struct tail *t)
{
	_cleanup_free_ __u64 *words = malloc(CHUNK);

	if (!words)
		return true;
	for (__u64 at = 0; at + sizeof(*words) <= elf_size(t->elf); at += CHUNK) {
		__u64 left = elf_size(t->elf) - at, size = left < CHUNK ? left & ~7ull : CHUNK;

		if (elf_pread(t->elf, at, words, size))
			return true;
		for (size_t i = 0; i < size / sizeof(*words); i++)
			if (in_tail(t, words[i]))
				return true;
	}
	return false;
}

static bool calls_checker(const struct tail *t)
{
	static const char name[] = "_Py_CheckFunctionResult";
	struct elf_symbol symbol;
	__u64 linkage;

	if (t->before_insn.flow != X86_FLOW_CALL || !t->before_insn.target)
		return false;
	return (!elf_symbol(t->elf, name, &symbol) && symbol.address == t->before_insn.target) ||
	       (!python_linkage(t->elf, name, &linkage) && linkage == t->before_insn.target);
}

/* xor %eax,%eax */
static bool makes_null(const struct x86_insn *insn)
{
	return (insn->opcode == 0x31 || insn->opcode == 0x33) && !insn->in_memory && !insn->prefixed && insn->reg == RAX &&
	       insn->rm == RAX;
}

/* What leads on to the tail, as an exit. -ENOTSUP: it is not known. */
static int add_before(const struct tail *t, unsigned version, struct python_site *ret, size_t *count)
{
	/* _Py_CheckFunctionResult([tstate,] callable, result, where) */
	unsigned value = version < PY_VERSION(3, 9) ? RSI : RDX;

	if (!t->before)
		return 0;
	if (calls_checker(t))
		ret[(*count)++] = (struct python_site){ t->before, (value + 1) << 8 };
	else if (makes_null(&t->before_insn))
		ret[(*count)++] = (struct python_site){ t->before, PYTHON_COOKIE_FAILS };
	else
		return -ENOTSUP;
	return 0;
}

int python_function_exits(const struct python_code *code, const struct elf *elf, unsigned version, __u64 address, __u64 size,
			  __u64 returns, struct python_site *ret)
{
	struct tail t = { .code = code, .elf = elf, .start = address, .end = address + size, .ret = returns };
	size_t count = 0;
	int err;

	if (size > MAX_FUNCTION || t.end < t.start || returns < t.start || returns >= t.end)
		return -ENOTSUP;
	err = find_run(&t) ?: find_jumps(&t) ?: add_before(&t, version, ret, &count);
	if (err || is_reached_from_afar(&t) || is_reached_by_distance(&t) || is_reached_by_address(&t))
		return -ENOTSUP;
	for (size_t i = 0; i < t.jump_count; i++)
		ret[count++] = (struct python_site){ t.jumps[i], 0 };
	return count ? (int)count : -ENOTSUP;
}
