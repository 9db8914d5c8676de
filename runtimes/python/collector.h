/* SPDX-License-Identifier: GPL-2.0-only */
/* The collector of garbage of a free-threaded build, where no marker tells of it. */
#ifndef SCRY_PYTHON_COLLECTOR_H
#define SCRY_PYTHON_COLLECTOR_H

#include "../../profiler/elf.h"
#include "sites.h"

#define PYTHON_COLLECTORS 8

/*
 * The functions that the compiler made of gc_collect_main() (Python/gc_free_threading.c, 3.13 and 3.14): itself, and copies for
 * some of its callers, whose arguments are not the same. Certain to be all: each of its callers calls one of them. In each, the
 * call of *world, which stops the other threads, says that it really collects. Their number, at most PYTHON_COLLECTORS; -ENOTSUP:
 * not known for certain, why says what was looked for.
 */
int python_collectors_find(const struct elf *elf, const struct python_code *code, struct elf_symbol *ret,
			   struct elf_symbol *world, char *why, size_t size);

#endif
