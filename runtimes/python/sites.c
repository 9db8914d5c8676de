// SPDX-License-Identifier: GPL-2.0-only
#include "sites.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/elf.h"
#include "../x86.h"
#include "cookie.h"
#include "opcodes.h"

#define MAX_CODE (64ul << 20)
/* A handler's straight run is short; a site far behind its beginning would not be worth it. */
#define MAX_RUN 16
/* How far a jump with a displacement of one byte reaches, and from how far before a handler code is decoded. */
#define SHORT_REACH 130
#define MAX_SWEEP 8192

int python_code_read(const struct elf *elf, struct python_code *ret)
{
	struct elf_range range;
	int err = elf_code(elf, &range);

	*ret = (struct python_code){ 0 };
	if (err)
		return err;
	if (range.size > MAX_CODE)
		return -E2BIG;
	ret->bytes = malloc(range.size + 1);
	if (!ret->bytes)
		return -ENOMEM;
	err = elf_pread(elf, range.offset, ret->bytes, range.size);
	if (err) {
		python_code_deinit(ret);
		return err;
	}
	ret->address = range.address;
	ret->offset = range.offset;
	ret->size = range.size;
	return 0;
}

void python_code_deinit(struct python_code *code)
{
	free(code->bytes);
	*code = (struct python_code){ 0 };
}

static bool decode(const struct python_code *code, __u64 address, struct x86_insn *ret)
{
	__u64 at = address - code->address;

	return at < code->size && x86_decode(code->bytes + at, code->size - at, address, ret);
}

/* ---- straight runs ---- */

/* A local of the C function, in memory. */
struct python_local {
	unsigned char base; /* X86_NO_REGISTER: none */
	__s16 at;
};

/* A handler's first instructions, up to the one where the probe goes. */
struct run {
	unsigned char opcode;
	__u64 start, site;	/* site == start: nothing better */
	unsigned changed;	/* registers written since start, as bits */
	unsigned instr_offset;
	unsigned char frame;	/* register of the frame, once its instruction pointer is stored; X86_NO_REGISTER */
	unsigned char owner;	/* register of the frame, which had that value at the start */
	unsigned char instr;	/* register it was stored from, which had that value at the start */
	unsigned char stack;	/* register of the stack pointer at the start */
	struct python_local spill; /* what was loaded last, and into which register */
	unsigned char spilled;
	struct python_local local; /* where the stack pointer is kept, if not in a register */
	unsigned char value;	/* register into which the top of the stack was loaded */
	bool certain;		/* nothing jumps behind start, up to the site */
};

enum effect { EFFECT_UNKNOWN, EFFECT_NONE, EFFECT_REG, EFFECT_RM };

static enum effect effect_of_group(const struct x86_insn *insn)
{
	unsigned op = insn->reg & 7;

	switch (insn->opcode) {
	case 0x80: case 0x81: case 0x83: /* 7: cmp */
		return op == 7 ? EFFECT_NONE : EFFECT_RM;
	case 0xf6: case 0xf7: /* 0: test, 2: not, 3: neg; then mul and div */
		return op < 2 ? EFFECT_NONE : op < 4 ? EFFECT_RM : EFFECT_UNKNOWN;
	case 0xfe: case 0xff: /* inc, dec */
		return op < 2 ? EFFECT_RM : EFFECT_UNKNOWN;
	case 0xc6: case 0xc7:
		return op == 0 ? EFFECT_RM : EFFECT_UNKNOWN;
	default:
		return EFFECT_UNKNOWN;
	}
}

/* Which operand an instruction writes. Only instructions that write no other register are known here. */
static enum effect effect_of(const struct x86_insn *insn)
{
	switch (insn->opcode) {
	case 0x38: case 0x39: case 0x3a: case 0x3b: case 0x3c: case 0x3d: /* cmp */
	case 0x84: case 0x85: case 0xa8: case 0xa9: /* test */
	case 0x0f1e: case 0x0f1f: /* endbr64, nop */
		return EFFECT_NONE;
	case 0x8a: case 0x8b: case 0x8d: case 0x63: /* mov, lea, movslq */
	case 0x0fb6: case 0x0fb7: case 0x0fbe: case 0x0fbf: case 0x0faf: /* movzx, movsx, imul */
	case 0x02: case 0x03: case 0x0a: case 0x0b: case 0x22: case 0x23: case 0x2a: case 0x2b: case 0x32: case 0x33:
		return EFFECT_REG;
	case 0x88: case 0x89: case 0xc0: case 0xc1: case 0xd0: case 0xd1: case 0xd2: case 0xd3: /* mov, shifts */
	case 0x00: case 0x01: case 0x08: case 0x09: case 0x20: case 0x21: case 0x28: case 0x29: case 0x30: case 0x31:
		return EFFECT_RM;
	}
	if ((insn->opcode & ~0xfu) == 0x0f40) /* cmov */
		return EFFECT_REG;
	if ((insn->opcode & ~0xfu) == 0x0f90 || (insn->opcode & ~0xfu) == 0xb0) /* setcc; mov of a constant */
		return EFFECT_RM;
	return effect_of_group(insn);
}

static bool is_changed(const struct run *run, unsigned char reg)
{
	return run->changed >> reg & 1;
}

static bool is_plain_store(const struct x86_insn *insn)
{
	return insn->opcode == 0x88 || insn->opcode == 0x89 || insn->opcode == 0xc6 || insn->opcode == 0xc7;
}

static bool is_local(const struct x86_insn *insn, struct python_local *ret)
{
	bool local = !insn->indexed && (insn->base == X86_RSP || (insn->base == X86_RBP && insn->displacement < 0)) &&
		     insn->displacement && insn->displacement == (__s16)insn->displacement;

	*ret = (struct python_local){ local ? insn->base : X86_NO_REGISTER, local ? (__s16)insn->displacement : 0 };
	return local;
}

static bool is_same(struct python_local a, struct python_local b)
{
	return a.base == b.base && a.at == b.at;
}

/* May a probe stand behind this write to memory? To locals of the C function; to the frame's own two positions. */
static bool run_store(struct run *run, const struct x86_insn *insn)
{
	bool pointer = insn->opcode == 0x89 && insn->wide && !insn->indexed && insn->base < 16;

	struct python_local local;

	if (!is_plain_store(insn))
		return false;
	if (is_local(insn, &local) && is_same(local, run->local))
		return false;
	if (insn->base == X86_RSP || (insn->base == X86_RBP && insn->displacement < 0))
		return true;
	if (pointer && insn->displacement == (__s32)run->instr_offset && run->frame == X86_NO_REGISTER) {
		run->frame = insn->base;
		run->owner = is_changed(run, insn->base) ? X86_NO_REGISTER : insn->base;
		run->instr = is_changed(run, insn->reg) ? X86_NO_REGISTER : insn->reg;
		return true;
	}
	/* Behind it struct _PyInterpreterFrame has stacktop (3.11 to 3.13) or stackpointer. */
	return insn->base == run->frame && !insn->indexed && insn->displacement == (__s32)run->instr_offset + 8;
}

static void run_write(struct run *run, const struct x86_insn *insn, unsigned char reg)
{
	bool load = insn->opcode == 0x8b && insn->in_memory && insn->wide && !insn->indexed && !insn->prefixed;

	/* mov -8(stack pointer),value. From rbp it may be a local of the C function. */
	bool top = load && insn->displacement == -8 && run->stack == X86_NO_REGISTER && insn->base < 16 &&
		   insn->base != X86_RSP && insn->base != X86_RBP && !is_changed(run, insn->base);

	/* The same by way of a local, in which unoptimised code keeps the stack pointer. */
	if (load && insn->displacement == -8 && insn->base == run->spilled && run->local.base == X86_NO_REGISTER)
		run->local = run->spill;
	run->spilled = load && is_local(insn, &run->spill) ? reg : run->spilled == reg ? X86_NO_REGISTER : run->spilled;

	/* An instruction on bytes may mean ah to bh, by the numbers of rsp to rdi. */
	run->changed |= 1u << reg | (insn->opcode & 1 ? 0 : 1u << (reg & 3));
	if (run->value == reg)
		run->value = X86_NO_REGISTER;
	if (run->frame == reg)
		run->frame = 16; /* known before, but no longer in a register */
	if (top) {
		run->stack = insn->base;
		run->value = reg;
	}
}

/* Follow one instruction. false: no site behind it. */
static bool run_step(struct run *run, const struct x86_insn *insn)
{
	enum effect effect = effect_of(insn);

	if (insn->flow != X86_FLOW_NEXT || effect == EFFECT_UNKNOWN)
		return false;
	if (effect == EFFECT_RM && insn->in_memory)
		return run_store(run, insn);
	if (effect == EFFECT_REG || effect == EFFECT_RM)
		run_write(run, insn, effect == EFFECT_REG ? insn->reg : insn->rm);
	return true;
}

static void run_follow(struct run *run, const struct python_code *code)
{
	__u64 at = run->start;
	struct x86_insn insn;

	for (int i = 0; i < MAX_RUN && decode(code, at, &insn); i++) {
		if (x86_is_emulated(&insn)) {
			run->site = at;
			return;
		}
		if (!run_step(run, &insn))
			return;
		at += insn.length;
	}
}

/* ---- is a run entered behind its start? ---- */

static bool run_covers(const struct run *run, __u64 target)
{
	return target > run->start && target <= run->site;
}

/* Decode around the run, from a handler that begins before it, for jumps of any kind into it. */
static bool sweep_is_clean(const struct run *run, const struct python_code *code, const struct python_opcodes *opcodes)
{
	__u64 at = 0, end = run->site + SHORT_REACH;
	struct x86_insn insn;
	bool met = false;

	for (int i = 0; i < PYTHON_OPCODES; i++) {
		if (run_covers(run, opcodes->handlers[i]))
			return false;
		if (opcodes->handlers[i] > at && opcodes->handlers[i] + SHORT_REACH <= run->start)
			at = opcodes->handlers[i];
	}
	if (!at || run->start - at > MAX_SWEEP)
		return false;
	for (; at < end; at += insn.length) {
		met |= at == run->start;
		if (!decode(code, at, &insn) || run_covers(run, insn.target))
			return false;
	}
	return met; /* else what was decoded were not the instructions */
}

/*
 * Jumps with a displacement of four bytes come from anywhere: every byte of the code is taken for the beginning of one, which
 * finds all real ones.
 */
static void find_long_jumps(struct run *runs, size_t count, const struct python_code *code)
{
	__u64 low = ~0ul, high = 0;

	for (size_t i = 0; i < count; i++) {
		low = runs[i].start < low ? runs[i].start : low;
		high = runs[i].site > high ? runs[i].site : high;
	}
	for (size_t at = 0; at + 5 <= code->size; at++) {
		const unsigned char *b = code->bytes + at;
		bool branch = b[0] == 0x0f && (b[1] & 0xf0) == 0x80 && at + 6 <= code->size;
		__u64 target;
		__s32 by;

		if (!branch && b[0] != 0xe8 && b[0] != 0xe9)
			continue;
		memcpy(&by, b + 1 + branch, sizeof(by));
		target = code->address + at + 5 + branch + by;
		if (target < low || target > high)
			continue;
		for (size_t i = 0; i < count; i++)
			runs[i].certain &= !run_covers(&runs[i], target);
	}
}

/* ---- sites ---- */

/*
 * Any handler may follow any other, so all of them find the same things in the same registers: where the runs agree,
 * what one of them tells is so at the start of all; where they do not, one was misunderstood.
 */
static unsigned char agreed(const struct run *runs, size_t count, size_t member)
{
	unsigned char reg = X86_NO_REGISTER;

	for (size_t i = 0; i < count; i++) {
		unsigned char one = *((const unsigned char *)&runs[i] + member);

		if (one == X86_NO_REGISTER)
			continue;
		if (reg != X86_NO_REGISTER && reg != one)
			return X86_NO_REGISTER;
		reg = one;
	}
	return reg;
}

/* The local in which they find the stack pointer: more than one, and none in another, nor in a register. */
static struct python_local agreed_local(const struct run *runs, size_t count, unsigned char stack)
{
	struct python_local none = { X86_NO_REGISTER, 0 }, local = none;
	unsigned found = 0;

	for (size_t i = 0; i < count; i++) {
		if (runs[i].local.base == X86_NO_REGISTER)
			continue;
		if (found++ && !is_same(local, runs[i].local))
			return none;
		local = runs[i].local;
	}
	return found > 1 && stack == X86_NO_REGISTER ? local : none;
}

static __u64 run_cookie(const struct run *run, bool behind, unsigned char instr, unsigned char stack, unsigned char frame,
			struct python_local local)
{
	__u64 cookie = run->opcode;

	if (behind && stack != X86_NO_REGISTER && run->value != X86_NO_REGISTER)
		cookie |= (run->value + 1u) << 8 | PYTHON_COOKIE_VALUE_DIRECT;
	else if (stack != X86_NO_REGISTER && (!behind || !is_changed(run, stack)))
		cookie |= (stack + 1u) << 8;
	else if (local.base != X86_NO_REGISTER)
		cookie |= (local.base + 1u) << 8 | (__u64)(__u16)local.at << 26;
	if (behind && instr != X86_NO_REGISTER && run->instr != X86_NO_REGISTER)
		cookie |= PYTHON_COOKIE_INSTR_STORED;
	if (instr != X86_NO_REGISTER && (!behind || !is_changed(run, instr)))
		cookie |= (instr + 1u) << 15;
	if (frame != X86_NO_REGISTER && (!behind || !is_changed(run, frame)))
		cookie |= PYTHON_COOKIE_FRAME_IN(frame);
	return cookie;
}

void python_sites_find(const struct python_code *code, const struct python_opcodes *opcodes, unsigned instr,
		       const unsigned char *which, size_t count, struct python_site *ret)
{
	struct run runs[PYTHON_OPCODES];
	unsigned char instr_register, stack, frame;
	struct python_local local;

	for (size_t i = 0; i < count; i++) {
		__u64 start = opcodes->handlers[which[i]];

		runs[i] = (struct run){ .opcode = which[i], .start = start, .site = start, .instr_offset = instr,
					.frame = X86_NO_REGISTER, .owner = X86_NO_REGISTER, .instr = X86_NO_REGISTER,
					.stack = X86_NO_REGISTER, .value = X86_NO_REGISTER,
					.spilled = X86_NO_REGISTER, .local.base = X86_NO_REGISTER };
		run_follow(&runs[i], code);
		runs[i].certain = runs[i].site != start && sweep_is_clean(&runs[i], code, opcodes);
	}
	find_long_jumps(runs, count, code);
	instr_register = agreed(runs, count, offsetof(struct run, instr));
	stack = agreed(runs, count, offsetof(struct run, stack));
	frame = agreed(runs, count, offsetof(struct run, owner));
	local = agreed_local(runs, count, stack);
	for (size_t i = 0; i < count; i++)
		ret[i] = (struct python_site){ .address = runs[i].certain ? runs[i].site : runs[i].start,
					       .cookie = run_cookie(&runs[i], runs[i].certain, instr_register,
								    stack, frame, local) };
}

/* ---- functions ---- */

__u64 python_function_entry(const struct python_code *code, __u64 address)
{
	struct x86_insn insn;

	if (decode(code, address, &insn) && x86_is_endbr64(code->bytes + (address - code->address), insn.length) &&
	    decode(code, address + insn.length, &insn) && (insn.opcode & ~7u) == 0x50)
		return address + 4;
	return address;
}

/* Does this instruction give the function's stack frame back? Then a jump behind it leaves the function. */
static bool frees_stack(const struct x86_insn *insn)
{
	bool add = insn->opcode == 0x83 || insn->opcode == 0x81;

	return (insn->opcode & ~7u) == 0x58 || insn->opcode == 0xc9 ||
	       (add && !(insn->reg & 7) && !insn->in_memory && insn->rm == X86_RSP);
}

#define MAX_PART  65536 /* instructions of a function that are elsewhere */
#define MAX_PATHS 1024

/* The parts of a function that the compiler put elsewhere because they are seldom run. */
struct parts {
	__u64 paths[MAX_PATHS]; /* where they are entered */
	size_t count;
};

static bool parts_add(struct parts *parts, __u64 target)
{
	for (size_t i = 0; i < parts->count; i++)
		if (parts->paths[i] == target)
			return true;
	if (parts->count == MAX_PATHS)
		return false;
	parts->paths[parts->count++] = target;
	return true;
}

static bool jumps(const struct x86_insn *insn)
{
	return insn->flow == X86_FLOW_BRANCH || insn->flow == X86_FLOW_JUMP;
}

/* A jump, by an address that is not in it, to another function: behind the end of the stack frame, or through the linkage table. */
static bool leaves_for_good(const struct x86_insn *insn, const struct x86_insn *last)
{
	return insn->flow == X86_FLOW_AWAY &&
	       (frees_stack(last) || (insn->in_memory && insn->base == X86_NO_REGISTER && !insn->indexed));
}

/*
 * All ways from there lead back or nowhere, and none returns to the caller. A tail call is among the ways: the function that
 * it goes to returns, or leaves for good, or is this one again.
 */
static bool parts_come_back(struct parts *parts, const struct python_code *code, __u64 start, __u64 end)
{
	unsigned budget = MAX_PART;
	struct x86_insn insn, last;

	for (size_t i = 0; i < parts->count; i++) {
		last = (struct x86_insn){ 0 };
		for (__u64 at = parts->paths[i];; at += insn.length, last = insn) {
			if (!budget-- || !decode(code, at, &insn) || insn.flow == X86_FLOW_RETURN || leaves_for_good(&insn, &last))
				return false;
			if (jumps(&insn) && insn.target == start)
				return false;
			if (jumps(&insn) && insn.target - start >= end - start && !parts_add(parts, insn.target))
				return false;
			if (insn.flow == X86_FLOW_JUMP || insn.flow == X86_FLOW_AWAY)
				break;
		}
	}
	return true;
}

int python_function_returns(const struct python_code *code, __u64 address, __u64 size, __u64 *ret, size_t max)
{
	struct parts parts = { .count = 0 };
	struct x86_insn insn, last = { 0 };
	__u64 end = address + size;
	size_t count = 0;

	if (!size || size > MAX_CODE || end < address)
		return -ENOTSUP;
	for (__u64 at = address; at != end; at += insn.length, last = insn) {
		if (at > end || !decode(code, at, &insn) || leaves_for_good(&insn, &last))
			return -ENOTSUP;
		if (jumps(&insn) && (insn.target == address || (insn.target - address >= size && !parts_add(&parts, insn.target))))
			return -ENOTSUP;
		if (insn.flow == X86_FLOW_RETURN && count == max)
			return -ENOTSUP;
		if (insn.flow == X86_FLOW_RETURN)
			ret[count++] = at;
	}
	return parts_come_back(&parts, code, address, end) ? (int)count : -ENOTSUP;
}

bool python_function_calls(const struct python_code *code, __u64 address, __u64 size, __u64 target)
{
	struct x86_insn insn;

	for (__u64 at = address; size <= MAX_CODE && at - address < size; at += insn.length) {
		if (!decode(code, at, &insn))
			return false;
		if ((insn.flow == X86_FLOW_CALL || insn.flow == X86_FLOW_JUMP) && insn.target == target)
			return true;
	}
	return false;
}
