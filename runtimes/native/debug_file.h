/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the debug information of a stripped file is installed, here or in the process's own file system. */
#ifndef SCRY_NATIVE_DEBUG_FILE_H
#define SCRY_NATIVE_DEBUG_FILE_H

#include "../../profiler/elf.h"

/*
 * Open the debug file of an ELF file that a process maps as `path`, below its root (root.h): by build id, else by the name in
 * .gnu_debuglink, as gdb looks for them. Only a file that has the same build id, or without one the checksum that the link
 * tells, is taken; links of a debug file are not followed. 0, -ENOENT.
 */
int debug_file_open(const struct elf *elf, const char *path, int root, struct elf **ret);

#endif
