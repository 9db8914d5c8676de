// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "elf_state.h"

void elf_table_read(const struct elf *elf, struct elf_table *table, unsigned type)
{
	Elf64_Shdr *section, *strings;
	Elf_Scn *scn;

	if (table->tried)
		return;
	table->tried = true;
	scn = elf_section_of_type(elf, NULL, type, &section);
	scn = scn ? elf_getscn(elf->lib, section->sh_link) : NULL;
	strings = scn ? elf64_getshdr(scn) : NULL;
	if (!strings || strings->sh_type != SHT_STRTAB)
		return;
	table->symbols = elf_section_read(elf, section);
	table->strings = elf_section_read(elf, strings);
	if (!table->symbols || !table->strings)
		return;
	table->count = section->sh_size / sizeof(Elf64_Sym);
	table->strings_size = strings->sh_size;
}

static struct elf_symbol symbol_of(const Elf64_Sym *s)
{
	return (struct elf_symbol){ s->st_value, s->st_size, ELF64_ST_TYPE(s->st_info), ELF64_ST_BIND(s->st_info), s->st_shndx };
}

static int table_find(const struct elf_table *table, const char *name, struct elf_symbol *ret)
{
	for (size_t i = 1; i < table->count; i++) {
		const Elf64_Sym *s = &table->symbols[i];

		if (s->st_shndx == SHN_UNDEF || s->st_name >= table->strings_size ||
		    strcmp(table->strings + s->st_name, name))
			continue;
		*ret = symbol_of(s);
		return 0;
	}
	return -ENOENT;
}

int elf_each_symbol(const struct elf *elf, bool full,
		    int (*each)(void *ctx, const char *name, const struct elf_symbol *symbol), void *ctx)
{
	struct elf *cache = (struct elf *)elf;
	struct elf_table *table = full ? &cache->full : &cache->dynamic;
	int err = 0;

	elf_table_read(elf, table, full ? SHT_SYMTAB : SHT_DYNSYM);
	for (size_t i = 1; i < table->count && !err; i++) {
		const Elf64_Sym *s = &table->symbols[i];
		struct elf_symbol symbol = symbol_of(s);

		if (s->st_shndx != SHN_UNDEF && s->st_name < table->strings_size)
			err = each(ctx, table->strings + s->st_name, &symbol);
	}
	return err;
}

const char *elf_import(const struct elf *elf, size_t index)
{
	const struct elf_table *table = &elf->dynamic;

	elf_table_read(elf, &((struct elf *)elf)->dynamic, SHT_DYNSYM);
	if (!index || index >= table->count || table->symbols[index].st_name >= table->strings_size)
		return NULL;
	return table->strings + table->symbols[index].st_name;
}

int elf_export(const struct elf *elf, const char *name, struct elf_symbol *ret)
{
	/* What is read lazily does not change what the file is. */
	struct elf *cache = (struct elf *)elf;

	elf_table_read(elf, &cache->dynamic, SHT_DYNSYM);
	return table_find(&elf->dynamic, name, ret);
}

int elf_symbol(const struct elf *elf, const char *name, struct elf_symbol *ret)
{
	struct elf *cache = (struct elf *)elf;

	if (!elf_export(elf, name, ret))
		return 0;
	elf_table_read(elf, &cache->full, SHT_SYMTAB);
	return table_find(&elf->full, name, ret);
}
