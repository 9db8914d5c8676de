/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of the kernel's functions, and of its modules'. */
#ifndef SCRY_NATIVE_KERNEL_SYMBOLS_H
#define SCRY_NATIVE_KERNEL_SYMBOLS_H

#include <linux/types.h>
#include <stddef.h>
#include <stdio.h>

struct kernel_symbols;

struct kernel_function {
	const char *name; /* "[0xffffffff81000000]" where there is none */
	const char *file; /* "[kernel]", of a module its name: "[ext4]" */
};

/* Read /proc/kallsyms. Where the kernel hides its addresses that is said, once, and nothing has a name. 0 or -ENOMEM. */
int kernel_symbols_open(struct kernel_symbols **ret);
/* The same of a text like it, which is read to its end. */
int kernel_symbols_read(FILE *from, struct kernel_symbols **ret);
void kernel_symbols_close(struct kernel_symbols *symbols); /* NULL is allowed */

/* The function at an address; its texts live until the next look-up. */
struct kernel_function kernel_symbols_find(struct kernel_symbols *symbols, __u64 address);

#endif
