// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unwind information of a hostile file: the first 8 bytes are where it is linked, 4 more its entry, the rest is the section. What
 * comes of it must be sorted, within bounds, and found again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtimes/native/rows.h"

static void check(const struct native_rows *rows)
{
	uint32_t expected = 0;

	for (uint32_t i = 0; i < rows->pages; i++) {
		const struct native_page *page = &rows->page[i];

		if (page->row != expected || !page->rows || rows->row[page->row] & 0xffff)
			abort();
		for (uint32_t n = 1; n < page->rows; n++)
			if ((rows->row[page->row + n] & 0xffff) <= (rows->row[page->row + n - 1] & 0xffff))
				abort();
		expected += page->rows;
	}
	if (expected != rows->count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const uint64_t probes[] = { 0, 1, 0xffff, 0x10000, 0x401000, 0xffffffff, 0x100000000, ~0ull };
	struct native_rules rules = { 0 };
	struct native_rows rows;
	uint64_t address;
	uint32_t entry;

	if (size < 12)
		return 0;
	memcpy(&address, bytes, 8);
	memcpy(&entry, bytes + 8, 4);
	if (native_rules_init(&rules))
		return 0;
	if (!native_rows_build(bytes + 12, size - 12, address, entry, &rules, &rows)) {
		check(&rows);
		for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
			if (native_rows_find(&rows, probes[i]) >= native_rules_count(&rules))
				abort();
		native_rows_deinit(&rows);
	}
	native_rules_deinit(&rules);
	return 0;
}
