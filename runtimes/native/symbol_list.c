// SPDX-License-Identifier: GPL-2.0-only
#include "symbol_list.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/array.h"
#include "../../profiler/base/cleanup.h"

#define MAX_SYMBOLS (4u << 20)
#define COMPARED    256 /* bytes of names that decide between aliases */

int symbol_list_add(struct symbol_list *list, __u64 start, __u64 end, enum symbol_source source, const char *name,
		    __u32 length)
{
	if (list->count >= MAX_SYMBOLS)
		return -E2BIG;
	if (!array_reserve(&list->entries, &list->room, list->count + 1, sizeof(*list->entries)))
		return -ENOMEM;
	list->entries[list->count++] = (struct symbol_entry){
		.start = start, .end = end, .priority = source, .name = name, .length = length,
	};
	return 0;
}

/*
 * How good a name is, before the names themselves are compared: a function before a label, one that is seen outside before a
 * local one. Bits, the weightiest first.
 */
static unsigned merit(const struct elf_symbol *symbol)
{
	return (symbol->type != STT_NOTYPE) << 2 | (symbol->binding != STB_LOCAL) << 1 | (symbol->binding != STB_WEAK);
}

/* Labels of the assembler, and of tools that mark places: "$x", "$d.5" of aarch64 and the like. */
static bool is_label(const char *name)
{
	return !*name || !strncmp(name, ".L", 2) || !strncmp(name, ".annobin", 8) || !strncmp(name, "__odr_asan", 10) ||
	       (name[0] == '$' && name[1] && memchr("xdat", name[1], 4) && (!name[2] || name[2] == '.'));
}

static bool is_function(const struct elf_symbol *symbol)
{
	return symbol->section != SHN_ABS && symbol->section != SHN_COMMON &&
	       (symbol->type == STT_FUNC || symbol->type == STT_GNU_IFUNC || symbol->type == STT_NOTYPE);
}

struct adding {
	struct symbol_list *list;
	const struct elf *elf;
	bool full;
};

static int add_symbol(void *ctx, const char *name, const struct elf_symbol *symbol)
{
	const struct adding *a = ctx;
	size_t length = strnlen(name, SYMBOL_NAME_MAX);
	const char *version = memchr(name, '@', length);
	__u64 end = symbol->address + symbol->size, offset;
	int err;

	if (!is_function(symbol) || is_label(name) || end < symbol->address || version == name)
		return 0;
	if (elf_offset(a->list->code, symbol->address, PF_X, &offset))
		return 0;
	/* Without a size it may reach up to the next one; but where only what is exported has a name, that may be far behind. */
	if (!symbol->size && !a->full)
		return 0;
	if (!symbol->size)
		end = elf_section_end(a->elf, symbol->section);
	if (end <= symbol->address)
		return 0;
	err = symbol_list_add(a->list, symbol->address, end, symbol->size ? SYMBOL_SIZED : SYMBOL_UNSIZED, name,
			      version ? (__u32)(version - name) : length);
	if (!err)
		a->list->entries[a->list->count - 1].kept = merit(symbol) << 1 | !version;
	return err;
}

int symbol_list_add_elf(struct symbol_list *list, const struct elf *elf, bool full)
{
	struct adding adding = { list, elf, full };

	return elf_each_symbol(elf, full, add_symbol, &adding);
}

/* With which a library marks what is its own. Of C++ (_Z) and Rust (_R) they mean nothing. */
static size_t underscores(const struct symbol_entry *e)
{
	size_t n = 0;

	while (n < e->length && e->name[n] == '_')
		n++;
	return n == 1 && e->length > 1 && (e->name[1] == 'Z' || e->name[1] == 'R') ? 0 : n;
}

/* Worse names of the same place first: memcpy before __memcpy, read before __libc_read. */
static int by_goodness(const void *left, const void *right)
{
	const struct symbol_entry *a = left, *b = right;
	unsigned merit_a = a->kept >> 2, merit_b = b->kept >> 2; /* but for weak, and versions */
	size_t ua, ub, common;
	int order;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (merit_a != merit_b)
		return merit_a < merit_b ? -1 : 1;
	ua = underscores(a);
	ub = underscores(b);
	if (ua != ub)
		return ua > ub ? -1 : 1;
	if ((a->kept & 3) != (b->kept & 3))
		return (a->kept & 3) < (b->kept & 3) ? -1 : 1;
	if (a->length != b->length)
		return a->length > b->length ? -1 : 1;
	common = a->length < COMPARED ? a->length : COMPARED;
	order = memcmp(a->name, b->name, common);
	return order ? -order : a->end < b->end ? -1 : a->end > b->end;
}

/* In order of their starts: a name without a size ends where any other begins. */
static void end_unsized(struct symbol_list *list)
{
	__u64 next = ~0ull, after = ~0ull; /* starts: of what comes behind an entry, and behind all of the same start */

	for (size_t i = list->count; i--;) {
		struct symbol_entry *e = &list->entries[i];

		if (e->start != next) {
			after = next;
			next = e->start;
		}
		if (e->priority == SYMBOL_UNSIZED && e->end > after)
			e->end = after;
	}
}

/* Inner before outer: what begins later names its part. A label within a function that has a size does not. */
static void rank(struct symbol_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		list->entries[i].priority = list->entries[i].priority << 32 | i;
		list->entries[i].kept = 0;
	}
}

int symbol_list_finish(struct symbol_list *list, struct symbol_table *ret)
{
	if (list->count)
		qsort(list->entries, list->count, sizeof(*list->entries), by_goodness);
	end_unsized(list);
	rank(list);
	return symbol_table_make(list->entries, list->count, ret);
}

void symbol_list_deinit(struct symbol_list *list)
{
	free(list->entries);
	intern_deinit(&list->texts);
}
