/* SPDX-License-Identifier: GPL-2.0-only */
/* What a struct elf is made of; for the elf*.c alone. */
#ifndef SCRY_ELF_STATE_H
#define SCRY_ELF_STATE_H

#include <gelf.h>
#include <libelf.h>

#include "elf.h"

/*
 * A table larger than this is not one that a person's program has; reading it would only cost
 * memory.
 */
#define MAX_TABLE (256u << 20)

/* A symbol table with its strings; read at the first look-up. */
struct elf_table {
	bool tried;
	Elf64_Sym *symbols;
	char *strings; /* NUL-ended by us */
	size_t count, strings_size;
};

struct elf {
	int fd;
	Elf *lib;
	Elf64_Ehdr *header;
	Elf64_Phdr *segments;
	size_t segment_count, names; /* names: section of the section names */
	__u64 size;
	struct elf_table dynamic, full;
	bool relocations_tried;
	Elf64_Rela *relocations;
	size_t relocation_count;
};

/* The next section of that type after `from` (NULL: the first). */
Elf_Scn *elf_section_of_type(const struct elf *elf, Elf_Scn *from, unsigned type, Elf64_Shdr **ret);
/* A section's bytes, followed by a NUL; the caller frees them. NULL: it does not lie in the file, or no memory. */
void *elf_section_read(const struct elf *elf, const Elf64_Shdr *section);
/* Read the symbols of that kind of section, unless that has been tried. */
void elf_table_read(const struct elf *elf, struct elf_table *table, unsigned type);

#endif
