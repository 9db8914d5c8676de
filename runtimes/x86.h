/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machine code of x86-64, as far as choosing a place for a probe needs it: how long an instruction is, where it goes on, and
 * the operands of the plain ones. Strict: what is not known for certain is not decoded.
 */
#ifndef SCRY_X86_H
#define SCRY_X86_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define X86_MAX_LENGTH 15
#define X86_NO_REGISTER 0xff

enum x86_flow {
	X86_FLOW_NEXT,	 /* the next instruction */
	X86_FLOW_BRANCH, /* that, or the target */
	X86_FLOW_JUMP,	 /* the target */
	X86_FLOW_CALL,	 /* the next, later; target 0 where it is not in the instruction */
	X86_FLOW_AWAY,	 /* to an address from a register or memory; traps */
	X86_FLOW_RETURN,
};

/* Registers by the numbers of the encoding: rax rcx rdx rbx rsp rbp rsi rdi r8-r15. */
enum x86_register { X86_RSP = 4, X86_RBP = 5 };

struct x86_insn {
	unsigned length;
	unsigned opcode;	/* 0x8b; of two bytes 0x0fb7 */
	bool prefixed;		/* has a prefix other than REX */
	bool wide;		/* REX.W: 64-bit operands */
	bool has_modrm;
	bool in_memory;		/* the ModRM operand is memory, base + displacement (+ index) */
	unsigned char reg;	/* ModRM.reg with REX.R: a register, or part of the opcode (& 7) */
	unsigned char rm;	/* ModRM.rm with REX.B; of an opcode that holds a register (push): that */
	unsigned char base;	/* of the memory operand; X86_NO_REGISTER: none, or the instruction pointer */
	bool indexed;
	__s32 displacement;
	enum x86_flow flow;
	__u64 target;		/* of BRANCH, JUMP and CALL */
};

/* Decode the instruction at `address` whose bytes, and at most size - 1 more, are at code. false: not known, or cut off. */
bool x86_decode(const void *code, size_t size, __u64 address, struct x86_insn *ret);

/*
 * The kernel emulates a uprobe on this instruction (arch/x86/kernel/uprobes.c: branch and push operations), which costs
 * about 0.7 us; any other one is stepped out of line at 4 us and more.
 */
bool x86_is_emulated(const struct x86_insn *insn);

bool x86_is_endbr64(const void *code, size_t size);

#endif
