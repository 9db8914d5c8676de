// SPDX-License-Identifier: GPL-2.0-only
#include "plt.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"

#define MAX_RELOCATIONS (16u << 20) /* bytes of a section */
#define MAX_CODE	(1u << 20)
#define MAX_NAME	1024	   /* bytes of a name, so that no file makes many long ones of a short text */
#define MAX_LOOKS	(64u << 20) /* names looked at for stubs of the file's own functions, of which there are few */
#define STUB		16	   /* bytes of a stub; in .plt.got also 8 */
#define HALF_STUB	8

struct relocations {
	Elf64_Rela *item;
	size_t count;
};

struct plt {
	struct symbol_list *list;
	const struct elf *elf;
	struct relocations calls, data; /* .rela.plt in its order, .rela.dyn by address */
	Elf64_Rela *sorted;		/* calls by address */
	size_t looks;			/* left */
};

static int by_offset(const void *left, const void *right)
{
	const Elf64_Rela *a = left, *b = right;

	return a->r_offset < b->r_offset ? -1 : a->r_offset > b->r_offset;
}

static void relocations_read(const struct elf *elf, const char *section, struct relocations *ret)
{
	struct elf_range range = { 0 };

	ret->item = elf_section_bytes(elf, section, MAX_RELOCATIONS, &range);
	ret->count = ret->item ? range.size / sizeof(*ret->item) : 0;
}

static const Elf64_Rela *relocation_at(const Elf64_Rela *sorted, size_t count, __u64 slot)
{
	const Elf64_Rela key = { .r_offset = slot };

	return count ? bsearch(&key, sorted, count, sizeof(*sorted), by_offset) : NULL;
}

/* The relocation that a stub goes through, by its machine code; NULL: it is none. */
static const Elf64_Rela *stub_relocation(const struct plt *plt, const unsigned char *code, size_t size, __u64 address)
{
	static const unsigned char endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	const Elf64_Rela *found;
	size_t at = 0;
	__s32 number;

	if (size >= 4 && !memcmp(code, endbr64, 4))
		at = 4;
	if (at < size && code[at] == 0xf2) /* bnd */
		at++;
	if (size - at >= 6 && code[at] == 0xff && code[at + 1] == 0x25) { /* jmp *number(%rip) */
		memcpy(&number, code + at + 2, 4);
		address += at + 6 + (__s64)number;
		found = relocation_at(plt->sorted, plt->calls.count, address);
		return found ?: relocation_at(plt->data.item, plt->data.count, address);
	}
	if (size - at >= 5 && code[at] == 0x68) { /* push $number, of a stub that has not been resolved yet */
		memcpy(&number, code + at + 1, 4);
		return number >= 0 && (size_t)number < plt->calls.count ? &plt->calls.item[number] : NULL;
	}
	return NULL;
}

/* The function of the file itself that a relocation leads to, without a symbol: found when the others are known. */
static const char *own_function(struct plt *plt, __u64 address, __u32 *length)
{
	const struct symbol_entry *best = NULL;

	for (size_t i = 0; i < plt->list->count && plt->looks; i++, plt->looks--) {
		const struct symbol_entry *e = &plt->list->entries[i];

		if (e->start == address && (!best || e->length < best->length))
			best = e;
	}
	*length = best ? best->length : 0;
	return best ? best->name : NULL;
}

static int add_stub(struct plt *plt, const Elf64_Rela *r, __u64 start, __u64 end)
{
	const char *name = elf_import(plt->elf, ELF64_R_SYM(r->r_info));
	__u32 length = name ? strnlen(name, MAX_NAME) : 0, text;
	_cleanup_free_ char *made = NULL;
	int size;

	if (!length && ELF64_R_TYPE(r->r_info) == R_X86_64_IRELATIVE)
		name = own_function(plt, r->r_addend, &length);
	if (!length || length >= MAX_NAME)
		return 0;
	size = asprintf(&made, "%.*s@plt", (int)length, name);
	text = size < 0 ? 0 : intern_put(&plt->list->texts, made, size);
	if (!text)
		return -ENOMEM;
	return symbol_list_add(plt->list, start, end, SYMBOL_STUB, intern_text(&plt->list->texts, text), size);
}

static int add_section(struct plt *plt, const char *section)
{
	struct elf_range range;
	_cleanup_free_ unsigned char *code = elf_section_bytes(plt->elf, section, MAX_CODE, &range);
	int err = 0;

	for (size_t at = 0; code && at + HALF_STUB <= range.size && !err;) {
		size_t size = range.size - at < STUB ? range.size - at : STUB;
		/* Two of the short ones, or one of the others. */
		bool halves = code[at] == 0xff && at + STUB <= range.size && code[at + HALF_STUB] == 0xff;
		size_t step = halves || size < STUB ? HALF_STUB : STUB;
		const Elf64_Rela *r = stub_relocation(plt, code + at, step, range.address + at);

		if (r)
			err = add_stub(plt, r, range.address + at, range.address + at + step);
		at += step;
	}
	return err;
}

int plt_add(struct symbol_list *list, const struct elf *elf)
{
	static const char *const sections[] = { ".plt", ".plt.sec", ".plt.got" };
	struct plt plt = { .list = list, .elf = elf, .looks = MAX_LOOKS };
	int err = 0;

	if (elf_machine(elf) != EM_X86_64)
		return 0;
	relocations_read(elf, ".rela.plt", &plt.calls);
	relocations_read(elf, ".rela.dyn", &plt.data);
	if (plt.data.item)
		qsort(plt.data.item, plt.data.count, sizeof(*plt.data.item), by_offset);
	plt.sorted = malloc(plt.calls.count * sizeof(*plt.sorted) + 1);
	if (!plt.sorted)
		err = -ENOMEM;
	else if (plt.calls.count) {
		memcpy(plt.sorted, plt.calls.item, plt.calls.count * sizeof(*plt.sorted));
		qsort(plt.sorted, plt.calls.count, sizeof(*plt.sorted), by_offset);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sections) && !err; i++)
		err = add_section(&plt, sections[i]);
	free(plt.sorted);
	free(plt.calls.item);
	free(plt.data.item);
	return err;
}
