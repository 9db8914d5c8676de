/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions that an ELF file names, gathered from all that tells of them, as entries of a symbol table. */
#ifndef SCRY_NATIVE_SYMBOL_LIST_H
#define SCRY_NATIVE_SYMBOL_LIST_H

#include <stdbool.h>

#include "../../profiler/base/intern.h"
#include "../../profiler/elf.h"
#include "symbol_table.h"

struct symbol_list {
	const struct elf *code; /* the file that is mapped: what is no code in it is left out */
	struct symbol_entry *entries;
	size_t count, room;
	struct intern texts; /* names made here */
};

/* Put in front of anything of the same place: worse names have smaller numbers. */
enum symbol_source { SYMBOL_UNSIZED, SYMBOL_SIZED, SYMBOL_STUB };

/*
 * Add .dynsym, or with `full` .symtab, of a file: the one that is mapped, or its debug file, which has the same addresses.
 * The file must stay until the table has been made. 0, -ENOMEM, -E2BIG (more than 4 million).
 */
int symbol_list_add_elf(struct symbol_list *list, const struct elf *elf, bool full);

/* Add one. The name must stay as the files do. length: at most that much of the name. */
int symbol_list_add(struct symbol_list *list, __u64 start, __u64 end, enum symbol_source source, const char *name,
		    __u32 length);

/* Decide among names of the same place, give names without a size an end, and make the table. 0 or -errno as above. */
int symbol_list_finish(struct symbol_list *list, struct symbol_table *ret);
void symbol_list_deinit(struct symbol_list *list);

#endif
