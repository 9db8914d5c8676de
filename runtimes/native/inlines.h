/* SPDX-License-Identifier: GPL-2.0-only */
/* Source lines and inlined functions, from DWARF. */
#ifndef SCRY_NATIVE_INLINES_H
#define SCRY_NATIVE_INLINES_H

#include "../../profiler/elf.h"
#include "symbols.h"

struct inlines;

/* Of a file, or of its debug file (NULL: it has none); neither is needed afterwards. NULL: they do not tell of lines. */
struct inlines *inlines_open(const struct elf *elf, const struct elf *debug);
void inlines_close(struct inlines *inlines); /* NULL is allowed */

/*
 * Call add for each function at an address, the innermost first. outer: as which the outermost one is known from elsewhere;
 * symbol: its symbol, NULL: it has none, and is called as DWARF has it. false: nothing is known, add was not called.
 */
bool inlines_find(struct inlines *inlines, __u64 address, const struct native_function *outer, const char *symbol,
		  void (*add)(void *ctx, const struct native_function *function), void *ctx);

#endif
