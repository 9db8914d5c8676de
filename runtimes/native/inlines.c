// SPDX-License-Identifier: GPL-2.0-only
#include "inlines.h"

#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../profiler/base/array.h"
#include "../../profiler/base/cleanup.h"
#include "demangle.h"

#define MAX_DWARF   (1ull << 30) /* bytes of debug information, unpacked: libdw reads all of it */
#define MAX_UNITS   (1u << 18)
#define MAX_RANGES  (1u << 21)
#define MAX_DEPTH   64		/* of blocks and inlined functions in each other */
#define MAX_VISITED (1u << 20)	/* entries looked at for one address */
#define MAX_NAME    1024

/* A part of the code that a compilation unit tells of. */
struct unit_range {
	Dwarf_Addr start, end;
	Dwarf_Off unit; /* offset of its DIE */
};

struct inlines {
	int fd;
	Elf *elf;
	Dwarf *dwarf;
	struct unit_range *ranges; /* by start */
	size_t count, room;
	char names[MAX_DEPTH][MAX_NAME];
};

/* ---- opening ---- */

/* What libdw would read of a file; more than MAX_DWARF stands for what it should not be asked to. */
static __u64 dwarf_size(Elf *elf, __u64 file_size)
{
	Elf_Scn *scn = NULL;
	__u64 total = 0;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return 0;
	while ((scn = elf_nextscn(elf, scn)) && total <= MAX_DWARF) {
		GElf_Shdr header;
		GElf_Chdr packed;
		const char *name = gelf_getshdr(scn, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		if (!name)
			continue;
		/* An old form of packing, whose size only unpacking would tell. */
		if (!strncmp(name, ".zdebug", 7))
			return MAX_DWARF + 1;
		if (strncmp(name, ".debug_", 7) || header.sh_type == SHT_NOBITS)
			continue;
		if (header.sh_offset > file_size || header.sh_size > file_size - header.sh_offset)
			return MAX_DWARF + 1;
		if (header.sh_flags & SHF_COMPRESSED)
			header.sh_size = gelf_getchdr(scn, &packed) ? packed.ch_size : MAX_DWARF + 1;
		total = header.sh_size > MAX_DWARF ? MAX_DWARF + 1 : total + header.sh_size;
	}
	return total;
}

static bool add_range(struct inlines *inlines, Dwarf_Addr start, Dwarf_Addr end, Dwarf_Off unit)
{
	if (start >= end)
		return true;
	if (inlines->count >= MAX_RANGES ||
	    !array_reserve(&inlines->ranges, &inlines->room, inlines->count + 1, sizeof(*inlines->ranges)))
		return false;
	inlines->ranges[inlines->count++] = (struct unit_range){ start, end, unit };
	return true;
}

static bool add_unit(struct inlines *inlines, Dwarf_Die *unit)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(unit, at, &base, &start, &end)) > 0)
		if (!add_range(inlines, start, end, dwarf_dieoffset(unit)))
			return false;
	return true;
}

static int by_start(const void *left, const void *right)
{
	const struct unit_range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* .debug_aranges would tell the same, but not all compilers write it. */
static void read_units(struct inlines *inlines)
{
	Dwarf_Off at = 0, next;
	size_t head;

	for (unsigned i = 0; i < MAX_UNITS && !dwarf_nextcu(inlines->dwarf, at, &next, &head, NULL, NULL, NULL); i++) {
		Dwarf_Die unit;

		if (dwarf_offdie(inlines->dwarf, at + head, &unit) && !add_unit(inlines, &unit))
			break;
		if (next <= at)
			break;
		at = next;
	}
	if (inlines->count)
		qsort(inlines->ranges, inlines->count, sizeof(*inlines->ranges), by_start);
}

/* A file shared by several debug files (dwz) is looked for by libdw, wherever its name leads: such ones are left alone. */
static bool refers_elsewhere(const struct elf *elf)
{
	struct elf_range range;

	return !elf_section(elf, ".gnu_debugaltlink", &range);
}

static struct inlines *open_file(const struct elf *elf)
{
	struct inlines *inlines;
	struct elf_range range;
	__u64 size;

	if (elf_section(elf, ".debug_info", &range) || refers_elsewhere(elf))
		return NULL;
	inlines = calloc(1, sizeof(*inlines));
	if (!inlines)
		return NULL;
	/* Read, not mapped: the file is the target's and may shrink. */
	inlines->fd = fcntl(elf_descriptor(elf), F_DUPFD_CLOEXEC, 0);
	inlines->elf = elf_begin(inlines->fd, ELF_C_READ, NULL);
	size = inlines->elf ? dwarf_size(inlines->elf, elf_size(elf)) : 0;
	if (size && size <= MAX_DWARF)
		inlines->dwarf = dwarf_begin_elf(inlines->elf, DWARF_C_READ, NULL);
	if (inlines->dwarf)
		read_units(inlines);
	if (inlines->count)
		return inlines;
	inlines_close(inlines);
	return NULL;
}

struct inlines *inlines_open(const struct elf *elf, const struct elf *debug)
{
	struct inlines *inlines = debug ? open_file(debug) : NULL;

	return inlines ?: open_file(elf);
}

void inlines_close(struct inlines *inlines)
{
	if (!inlines)
		return;
	dwarf_end(inlines->dwarf);
	elf_end(inlines->elf);
	if (inlines->fd >= 0)
		close(inlines->fd);
	free(inlines->ranges);
	free(inlines);
}

/* ---- finding ---- */

static bool find_unit(const struct inlines *inlines, Dwarf_Addr address, Dwarf_Die *ret)
{
	size_t low = 0, high = inlines->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (inlines->ranges[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < inlines->ranges[low - 1].end &&
	       dwarf_offdie(inlines->dwarf, inlines->ranges[low - 1].unit, ret);
}

/* The way from a compilation unit to an address: the function, then those inlined in each other. */
struct way {
	Dwarf_Addr address;
	Dwarf_Die functions[MAX_DEPTH];
	unsigned count, left; /* left: entries that may still be looked at */
};

/* What may hold the address itself, and what may hold functions without having addresses. */
static bool has_address(Dwarf_Die *die, const struct way *way, bool *opens)
{
	bool inside = false;

	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
		inside = dwarf_haspc(die, way->address) > 0;
		break;
	case DW_TAG_namespace:
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_module:
		*opens = !way->count;
		break;
	}
	return inside;
}

/*
 * Go into what has the address. libdw's own search goes wherever a sibling is said to be; here the entries are counted, so
 * that it ends.
 */
static bool find_functions(Dwarf_Die *parent, struct way *way, unsigned depth)
{
	Dwarf_Die die;
	int more = depth < MAX_DEPTH ? dwarf_child(parent, &die) : -1;

	for (; !more && way->left; more = dwarf_siblingof(&die, &die)) {
		bool opens = false, inside;

		way->left--;
		inside = has_address(&die, way, &opens);
		if (inside && dwarf_tag(&die) != DW_TAG_lexical_block && way->count < MAX_DEPTH)
			way->functions[way->count++] = die;
		if (inside || opens)
			if (find_functions(&die, way, depth + 1) || inside)
				return true;
	}
	return false;
}

static int number_of(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute value;
	Dwarf_Word number;

	if (dwarf_formudata(dwarf_attr(die, attribute, &value), &number) || number > INT32_MAX)
		return 0;
	return number;
}

/* As the linker knows it, which for C++ and Rust tells where it belongs; else by its bare name. */
static const char *name_of(Dwarf_Die *die)
{
	static const unsigned names[] = { DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		Dwarf_Attribute value;
		const char *name = dwarf_formstring(dwarf_attr_integrate(die, names[i], &value));

		if (name && *name)
			return name;
	}
	return NULL;
}

/* Where the address itself is, by the table of lines. */
static int line_at(Dwarf_Die *unit, Dwarf_Addr address, const char **file)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	int number = 0;

	*file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	if (line)
		dwarf_lineno(line, &number);
	return number;
}

bool inlines_find(struct inlines *inlines, __u64 address, const struct native_function *outer, const char *symbol,
		  void (*add)(void *ctx, const struct native_function *function), void *ctx)
{
	struct way way = { .address = address, .left = MAX_VISITED };
	struct native_function function = *outer;
	const char *file;
	Dwarf_Die unit;

	if (!find_unit(inlines, address, &unit))
		return false;
	find_functions(&unit, &way, 0);
	function.at = line_at(&unit, address, &file);
	if (!way.count && !file)
		return false;
	for (unsigned i = way.count; i--;) {
		Dwarf_Die *die = &way.functions[i];
		const char *name = name_of(die), *declared = dwarf_decl_file(die);

		function.line = 0;
		dwarf_decl_line(die, &function.line);
		function.file = declared ?: file ?: outer->file;
		function.name = outer->name;
		if (name && (i || !symbol)) {
			demangle(name, inlines->names[i], sizeof(inlines->names[i]));
			function.name = inlines->names[i];
		}
		add(ctx, &function);
		function.at = number_of(die, DW_AT_call_line);
	}
	if (!way.count) {
		function.file = file;
		add(ctx, &function);
	}
	return true;
}
