/* SPDX-License-Identifier: GPL-2.0-only */
/* Places on the ways to a function's ret: each return passes exactly one of them. */
#ifndef SCRY_PYTHON_EXITS_H
#define SCRY_PYTHON_EXITS_H

#include "sites.h"

#define PYTHON_EXITS 8

/*
 * Of the eval function (to 3.10), whose only ret is at `returns`: at most PYTHON_EXITS, in cookies how to tell there what it returns.
 * Their number, or -ENOTSUP where it is not certain that these are all ways, each taken only to return.
 */
int python_function_exits(const struct python_code *code, const struct elf *elf, unsigned version, __u64 address, __u64 size,
			  __u64 returns, struct python_site *ret);

#endif
