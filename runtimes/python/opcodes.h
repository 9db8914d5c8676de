/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interpreter's dispatch table: CPython built with computed gotos (every build by gcc or clang) keeps the
 * address of each opcode's handler in an array of 256 pointers, opcode_targets. It has no symbol in a stripped file, but
 * all numbers that name no opcode share one handler, and which numbers those are tells one version from all others.
 */
#ifndef SCRY_PYTHON_OPCODES_H
#define SCRY_PYTHON_OPCODES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct elf;

#define PYTHON_OPCODES 256

struct python_opcodes {
	__u64 address;			   /* of the table */
	__u64 handlers[PYTHON_OPCODES];	   /* link-time addresses, all in the file's code */
	bool cet;			   /* every handler begins with endbr64 */
};

/*
 * Find the table of a binary of that version (PY_VERSION() of major and minor). 0, or -ENOTSUP with a sentence in why:
 * unknown version, no table or more than one fits. -errno where the file cannot be read.
 */
int python_opcodes_find(const struct elf *elf, unsigned version, struct python_opcodes *ret, char *why, size_t size);

#endif
