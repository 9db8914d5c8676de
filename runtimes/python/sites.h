/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where in machine code to put a probe. The right place for an opcode is its handler's first instruction. One that the
 * kernel emulates costs a fifth, so the first such instruction behind it is taken where it is certain that the way from
 * there is straight, that nothing jumps in between, and that on it nothing is stored that a program at the probe reads.
 */
#ifndef SCRY_PYTHON_SITES_H
#define SCRY_PYTHON_SITES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct elf;
struct python_layout;
struct python_opcodes;

/* The file's executable segment. */
struct python_code {
	unsigned char *bytes; /* owned */
	__u64 address, offset; /* in memory as linked, in the file */
	size_t size;
};

int python_code_read(const struct elf *elf, struct python_code *ret);
void python_code_deinit(struct python_code *code);

struct python_site {
	__u64 address;
	__u64 cookie; /* cookie.h */
};

/* A site for each of the opcodes (at most PYTHON_OPCODES). instr: where a frame keeps its instruction pointer. */
void python_sites_find(const struct python_code *code, const struct python_opcodes *opcodes, unsigned instr,
		       const unsigned char *which, size_t count, struct python_site *ret);

/* PYTHON_COOKIE_FRAME and _CODE at a marker of function entry or return; 0: that cannot be told. */
__u64 python_marker_registers(const struct python_code *code, const struct elf *elf, __u64 marker, const struct python_layout *layout);

/* A function's first instruction, or the push behind its endbr64. */
__u64 python_function_entry(const struct python_code *code, __u64 address);

/*
 * Every ret of a function. Their number, at most max, or -ENOTSUP where it is not certain that these are all ways out: code
 * that is not known, a jump to another function, a part elsewhere that returns by itself, or more than max.
 */
int python_function_returns(const struct python_code *code, __u64 address, __u64 size, __u64 *ret, size_t max);

/* Does it call the function at `target`, or end in a jump there? */
bool python_function_calls(const struct python_code *code, __u64 address, __u64 size, __u64 target);

#endif
