/* SPDX-License-Identifier: GPL-2.0-only */
/* The stubs by which a file calls into others, which no symbol names: "malloc@plt". */
#ifndef SCRY_NATIVE_PLT_H
#define SCRY_NATIVE_PLT_H

#include "symbol_list.h"

/*
 * Add those of a file whose machine is x86-64; of others none. A stub is known by the slot of the global offset table that it
 * jumps through, and that by its relocation. Stubs of the file's own functions take their names from the list, so what names
 * these must be in it. 0 or -errno as of symbol_list_add().
 */
int plt_add(struct symbol_list *list, const struct elf *elf);

#endif
