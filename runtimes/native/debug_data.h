/* SPDX-License-Identifier: GPL-2.0-only */
/* MiniDebugInfo: a small symbol table that some distributions leave, compressed, in stripped files (.gnu_debugdata). */
#ifndef SCRY_NATIVE_DEBUG_DATA_H
#define SCRY_NATIVE_DEBUG_DATA_H

#include "../../profiler/elf.h"

/* Unpack it. 0, -ENOENT (has none), -EINVAL (damaged, or larger than 64 MB), -errno. */
int debug_data_open(const struct elf *elf, struct elf **ret);

#endif
