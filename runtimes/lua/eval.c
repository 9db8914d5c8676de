// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the interpreter's own function is, luaV_execute (lvm.c). By its symbol; else, from 5.4 on, by the table of its instructions'
 * handlers, which is the only run of so many pointers into one function; else (5.2, 5.3) it is the largest function of a file that
 * is Lua and little else. In 5.1 a CallInfo does not tell where C entered the interpreter.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "functions.h"
#include "lua.h"

#define MAX_DATA (16u << 20)
#define MAX_OWN_CODE (1u << 20) /* bytes of code of a file that is Lua and little else */

/* The function that a run of exactly `handlers` pointers leads into, which lies in a section; NULL: none, or several. */
static const struct extents_row *by_handlers_in(const struct elf *elf, const char *section, const struct extents *extents,
						size_t handlers)
{
	_cleanup_free_ __u64 *words = NULL;
	const struct extents_row *found = NULL, *row = NULL;
	struct elf_range data;
	size_t count, run = 0;

	if (elf_section(elf, section, &data) || data.size > MAX_DATA || data.address % 8)
		return NULL;
	count = data.size / 8;
	words = calloc(count + 1, sizeof(*words));
	if (!words || elf_read(elf, data.address, words, count * 8))
		return NULL;
	elf_relocate(elf, data.address, words, count);
	for (size_t i = 0; i <= count; i++) {
		const struct extents_row *here = i < count ? extents_row_of(extents, words[i]) : NULL;

		if (here && here == row) {
			run++;
			continue;
		}
		if (row && run >= handlers && run < handlers + 2) {
			if (found && found != row)
				return NULL;
			found = row;
		}
		row = here;
		run = here ? 1 : 0;
	}
	return found;
}

/* Where code does not lie anywhere (not PIE), its addresses are constants. */
static const struct extents_row *by_handlers(const struct elf *elf, const struct extents *extents, size_t handlers)
{
	return by_handlers_in(elf, ".data.rel.ro", extents, handlers) ?: by_handlers_in(elf, ".rodata", extents, handlers);
}

static const struct extents_row *by_size(const struct elf *elf, const struct extents *extents)
{
	const struct extents_row *largest = NULL;
	struct elf_symbol symbol;
	struct elf_range text;

	if (elf_export(elf, "lua_newstate", &symbol) || elf_section(elf, ".text", &text) || text.size > MAX_OWN_CODE)
		return NULL;
	for (size_t i = 0; i < extents->count; i++)
		if (!largest || extents->rows[i].length > largest->length)
			largest = &extents->rows[i];
	return largest;
}

int lua_eval(const struct elf *elf, struct elf_range *ret, size_t max)
{
	struct extents extents = { 0 };
	const struct extents_row *row = NULL;
	unsigned version = lua_release_of(elf) >> 8;
	struct elf_symbol symbol;
	int found = 0;

	if (version < LUA_VERSION(5, 2) || !max || extents_read(elf, &extents))
		return -ENOENT;
	if (!elf_symbol(elf, "luaV_execute", &symbol))
		row = extents_row_of(&extents, symbol.address);
	else if (version >= LUA_VERSION(5, 4))
		row = by_handlers(elf, &extents, version == LUA_VERSION(5, 4) ? 83 : 85);
	else
		row = by_size(elf, &extents);
	if (row) {
		*ret = (struct elf_range){ .address = row->start, .size = row->length };
		found = 1;
	}
	extents_deinit(&extents);
	return found ?: -ENOENT;
}
