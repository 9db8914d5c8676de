// SPDX-License-Identifier: GPL-2.0-only
#include "opcodes.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "../../profiler/elf.h"
#include "layout.h"

/* More data than any interpreter has; a file that claims more is not searched. */
#define MAX_SECTION (64ul << 20)
/*
 * Handlers that a table must at least tell apart; real ones have 117 (3.6) to 235 (3.15). Other tables have the same gaps:
 * the jump table of a switch by opcode in unoptimised builds, and 3.15's opcode_tracing_targets with 2.
 */
#define MIN_HANDLERS 100

/*
 * Which of the 256 numbers are no opcode, bit by bit from number 0. From the versions' own headers: Lib/opcode.py (to
 * 3.10, less those that ceval.c leaves out), Include/internal/pycore_opcode.h (3.11, 3.12),
 * Include/opcode_ids.h (from 3.13).
 */
struct signature {
	unsigned version;
	unsigned char unused[PYTHON_OPCODES / 8];
};

/* clang-format off */
static const struct signature signatures[] = {
	{ PY_VERSION(2, 7),
	  { 0xc1, 0x41, 0x07, 0x00, 0xfc, 0xf0, 0x03, 0x00, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x60, 0x88,
	    0x03, 0x0c, 0xf1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
	{ PY_VERSION(3, 6),
	  { 0xc1, 0x61, 0x24, 0xc0, 0xff, 0xff, 0x63, 0x04, 0x00, 0x04, 0x00, 0x00, 0x08, 0x00, 0x60, 0x08,
	    0x43, 0x18, 0x00, 0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
	{ PY_VERSION(3, 7),
	  { 0xc1, 0x61, 0x24, 0xc0, 0xff, 0xff, 0x63, 0x04, 0x00, 0x04, 0x00, 0x00, 0x08, 0x00, 0x60, 0x88,
	    0x43, 0x18, 0x00, 0x80, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
	{ PY_VERSION(3, 8),
	  { 0x81, 0x61, 0x24, 0xc0, 0xff, 0xff, 0x03, 0x04, 0x00, 0x04, 0x01, 0x00, 0x08, 0x00, 0xe0, 0x8b,
	    0x43, 0x18, 0x00, 0x80, 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
	{ PY_VERSION(3, 9),
	  { 0x81, 0x61, 0x24, 0xc0, 0xff, 0xff, 0x20, 0x04, 0x00, 0x00, 0x03, 0x01, 0x08, 0x00, 0x80, 0x89,
	    0x43, 0x18, 0xe0, 0xc3, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
	{ PY_VERSION(3, 10),
	  { 0x81, 0x61, 0x24, 0x00, 0xf8, 0xff, 0x21, 0x04, 0x00, 0x00, 0x03, 0x01, 0x00, 0x00, 0x00, 0x89,
	    0x41, 0x18, 0xe0, 0xc2, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
	{ PY_VERSION(3, 11),
	  { 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f } },
	{ PY_VERSION(3, 12),
	  { 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x06, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x00, 0x80 } },
	{ PY_VERSION(3, 13),
	  { 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0xff,
	    0xff, 0xff, 0x1f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0xff, 0x0f, 0x00, 0x80 } },
	{ PY_VERSION(3, 14),
	  { 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xfe,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf0, 0xff, 0xff, 0x03, 0x00, 0x00 } },
	{ PY_VERSION(3, 15),
	  { 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff,
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8, 0xff, 0x01, 0x00, 0x00 } },
};

static bool is_unused(const struct signature *signature, unsigned opcode)
{
	return signature->unused[opcode / 8] >> opcode % 8 & 1;
}

static const struct signature *signature_of(unsigned version)
{
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++)
		if (signatures[i].version == version)
			return &signatures[i];
	return NULL;
}

/* The search through one file. */
struct search {
	const struct elf *elf;
	const struct signature *signature;
	unsigned first_unused;
	struct elf_range code;
	unsigned found;
	struct python_opcodes *table; /* the first found */
};

static int compare_words(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static unsigned count_distinct(const __u64 *words)
{
	__u64 sorted[PYTHON_OPCODES];
	unsigned n = 1;

	memcpy(sorted, words, sizeof(sorted));
	qsort(sorted, PYTHON_OPCODES, sizeof(*sorted), compare_words);
	for (unsigned i = 1; i < PYTHON_OPCODES; i++)
		n += sorted[i] != sorted[i - 1];
	return n;
}

/* All unused numbers, and only they, have the handler of the first of them. */
static bool has_signature(const struct search *s, const __u64 *words)
{
	__u64 unknown = words[s->first_unused];

	for (unsigned i = 0; i < PYTHON_OPCODES; i++)
		if ((words[i] == unknown) != is_unused(s->signature, i))
			return false;
	return true;
}

/* Builds for control-flow enforcement begin each target of an indirect jump with endbr64: all of them, or none. */
static bool endbr_agree(const struct search *s, const __u64 *words, bool *cet)
{
	static const unsigned char endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	unsigned char bytes[sizeof(endbr64)];
	unsigned with = 0;

	for (unsigned i = 0; i < PYTHON_OPCODES; i++) {
		if (elf_read(s->elf, words[i], bytes, sizeof(bytes)))
			return false;
		with += !memcmp(bytes, endbr64, sizeof(bytes));
	}
	*cet = with;
	return !with || with == PYTHON_OPCODES;
}

static void check_window(struct search *s, __u64 address, const __u64 *words)
{
	bool cet;

	if (!has_signature(s, words) || count_distinct(words) < MIN_HANDLERS || !endbr_agree(s, words, &cet))
		return;
	if (s->found++)
		return;
	s->table->address = address;
	s->table->cet = cet;
	memcpy(s->table->handlers, words, sizeof(s->table->handlers));
}

/* Every 256 words in a row that all point into the code. */
static void search_words(struct search *s, __u64 address, const __u64 *words, size_t count)
{
	size_t run = 0;

	for (size_t i = 0; i < count; i++) {
		run = words[i] - s->code.address < s->code.size ? run + 1 : 0;
		if (run >= PYTHON_OPCODES) {
			size_t first = i + 1 - PYTHON_OPCODES;

			check_window(s, address + first * sizeof(*words), words + first);
		}
	}
}

static int search_section(struct search *s, const char *name)
{
	_cleanup_free_ __u64 *words = NULL;
	struct elf_range range;
	size_t count, skip;
	int err;

	if (elf_section(s->elf, name, &range) || !range.address || range.size > MAX_SECTION)
		return 0;
	skip = -range.address % sizeof(*words);
	if (range.size < skip + PYTHON_OPCODES * sizeof(*words))
		return 0;
	count = (range.size - skip) / sizeof(*words);
	words = malloc(count * sizeof(*words));
	if (!words)
		return -ENOMEM;
	err = elf_pread(s->elf, range.offset + skip, words, count * sizeof(*words));
	if (err)
		return err;
	elf_relocate(s->elf, range.address + skip, words, count);
	search_words(s, range.address + skip, words, count);
	return 0;
}

int python_opcodes_find(const struct elf *elf, unsigned version, struct python_opcodes *ret, char *why, size_t size)
{
	static const char *const sections[] = { ".rodata", ".data.rel.ro", ".data" };
	struct search s = { .elf = elf, .signature = signature_of(version), .table = ret };

	if (elf_machine(elf) != EM_X86_64 || !s.signature || elf_code(elf, &s.code)) {
		snprintf(why, size, "opcode handlers are known for CPython on x86-64 only, 2.7 and 3.6 to 3.15");
		return -ENOTSUP;
	}
	while (!is_unused(s.signature, s.first_unused)) /* every row has one */
		s.first_unused++;
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		int err = search_section(&s, sections[i]);

		if (err)
			return err;
	}
	if (s.found == 1)
		return 0;
	if (s.found)
		snprintf(why, size, "%u tables look like the dispatch table of opcodes", s.found);
	else
		snprintf(why, size, "no dispatch table of opcodes of %u.%u in the file", version >> 8, version & 0xff);
	return -ENOTSUP;
}
