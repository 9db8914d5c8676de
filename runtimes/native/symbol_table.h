/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of ranges of addresses, made once from entries that may overlap in any way and searched often: what is kept is a row
 * of ranges that do not, so that a look-up is one binary search.
 */
#ifndef SCRY_NATIVE_SYMBOL_TABLE_H
#define SCRY_NATIVE_SYMBOL_TABLE_H

#include <linux/types.h>
#include <stddef.h>

#include "../../profiler/base/buffer.h"

#define SYMBOL_NAME_MAX 4096 /* bytes of a name; the rest of a longer one is left out */

struct symbol_entry {
	__u64 start, end; /* [start, end) */
	__u64 priority;	  /* the highest of those at an address names it; all differ */
	const char *name;
	__u32 length;	  /* of the name, which need not end there */
	__u32 kept;	  /* for symbol_table_make() */
};

/* For qsort: by where they start, then by priority. */
int symbol_entry_compare(const void *left, const void *right);

/* A zeroed table is an empty one. */
struct symbol_table {
	__u64 *starts;
	__u32 *names; /* offset in texts, of each range; 0: nothing is there */
	size_t count;
	struct buffer texts;
};

/*
 * Make a table; sorts the entries by their starts, and needs neither them nor their names afterwards. 0, -ENOMEM or -E2BIG
 * (more than 256 MB of names).
 */
int symbol_table_make(struct symbol_entry *entries, size_t count, struct symbol_table *ret);
void symbol_table_deinit(struct symbol_table *table);

/* The name at an address, living as long as the table; NULL: none. */
const char *symbol_table_find(const struct symbol_table *table, __u64 address);

#endif
