// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of the eval function. Compilers put what is seldom run elsewhere (a ".cold" part, which in some builds has all of the
 * opcodes' handlers), and a stripped file has no name for it. Known is that it is a part of the function with unwind
 * information of its own, that the function jumps into it and it back, and that at both ends of such a jump the stack is as deep.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "../native/extents.h"
#include "../native/rows.h"
#include "python.h"
#include "sites.h"

#define MAX_EH_FRAME (64u << 20)

struct search {
	struct python_code code;
	struct extents extents;
	struct native_rules rules;
	struct native_rows rows;
	struct elf_range *parts;
	size_t count, max;
};

static int rows_read(const struct elf *elf, struct search *s)
{
	struct elf_range range;
	_cleanup_free_ unsigned char *bytes = elf_section_bytes(elf, ".eh_frame", MAX_EH_FRAME, &range);

	return bytes ? native_rows_build(bytes, range.size, range.address, 0, &s->rules, &s->rows) : -ENOENT;
}

/* Is the stack at both addresses the same, and deeper than where a function begins? */
static bool as_deep(const struct search *s, __u64 a, __u64 b)
{
	struct native_rule from, to;

	native_rules_get(&s->rules, native_rows_find(&s->rows, a), &from);
	native_rules_get(&s->rules, native_rows_find(&s->rows, b), &to);
	return from.kind == NATIVE_RULE_REGISTER && to.kind == NATIVE_RULE_REGISTER && from.reg == to.reg &&
	       from.cfa == to.cfa && (from.reg != NATIVE_RSP || from.cfa > 8);
}

/* Target of a jump whose displacement of 4 bytes may begin at these bytes; 0: none does. */
static __u64 jump_at(const struct search *s, __u64 address, __u64 end)
{
	const unsigned char *b = s->code.bytes + (address - s->code.address);
	bool branch = end - address >= 6 && b[0] == 0x0f && (b[1] & 0xf0) == 0x80;
	__s32 by;

	if (end - address < 5 || (!branch && b[0] != 0xe9))
		return 0;
	memcpy(&by, b + 1 + branch, sizeof(by));
	return address + 5 + branch + (__u64)(__s64)by;
}

static bool in_code(const struct search *s, const struct elf_range *part)
{
	return part->address >= s->code.address && part->size <= s->code.size &&
	       part->address - s->code.address <= s->code.size - part->size;
}

/* Does the part jump into the first one, behind its beginning? */
static bool jumps_back(const struct search *s, const struct elf_range *part)
{
	for (__u64 at = part->address; at < part->address + part->size; at++) {
		__u64 target = jump_at(s, at, part->address + part->size);

		if (target > s->parts[0].address && target < s->parts[0].address + s->parts[0].size && as_deep(s, at, target))
			return true;
	}
	return false;
}

static bool is_part(const struct search *s, __u64 address)
{
	for (size_t i = 0; i < s->count; i++)
		if (address - s->parts[i].address < s->parts[i].size)
			return true;
	return false;
}

static void follow_jumps(struct search *s, const struct elf_range *from)
{
	__u64 end = from->address + from->size;

	for (__u64 at = from->address; at < end && s->count < s->max; at++) {
		__u64 target = jump_at(s, at, end);
		const struct extents_row *row = target && !is_part(s, target) ? extents_row_of(&s->extents, target) : NULL;
		struct elf_range part;

		if (!row || !as_deep(s, at, target))
			continue;
		part = (struct elf_range){ .address = row->start, .size = row->length };
		if (in_code(s, &part) && jumps_back(s, &part))
			s->parts[s->count++] = part;
	}
}

static int find_parts(struct search *s, const struct elf *elf)
{
	const struct extents_row *row;
	struct elf_symbol symbol;

	if (elf_symbol(elf, "_PyEval_EvalFrameDefault", &symbol) && elf_symbol(elf, "PyEval_EvalFrameEx", &symbol))
		return -ENOENT;
	row = extents_row_of(&s->extents, symbol.address);
	if (!row || row->start != symbol.address)
		return -ENOENT;
	s->parts[0] = (struct elf_range){ .address = row->start, .size = row->length };
	if (!in_code(s, &s->parts[0]))
		return -ENOENT;
	s->count = 1;
	for (size_t i = 0; i < s->count; i++) {
		struct elf_range from = s->parts[i];

		follow_jumps(s, &from);
	}
	return s->count;
}

int python_eval_parts(const struct elf *elf, struct elf_range *ret, size_t max)
{
	struct search s = { .parts = ret, .max = max };
	int err = max ? python_code_read(elf, &s.code) : -EINVAL;

	if (!err)
		err = extents_read(elf, &s.extents) ?: native_rules_init(&s.rules);
	if (!err)
		err = rows_read(elf, &s);
	if (!err)
		err = find_parts(&s, elf);
	python_code_deinit(&s.code);
	extents_deinit(&s.extents);
	native_rows_deinit(&s.rows);
	native_rules_deinit(&s.rules);
	return err;
}
