/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interning pairs of numbers: the same pair gives the same index, the first pair 1, the next 2, and
 * so on. What belongs to a pair is kept by the user in an array of its own, at that index. Open
 * addressing; only growing allocates. A zeroed table is an empty one.
 */
#ifndef SCRY_TABLE_H
#define SCRY_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_key {
	uint64_t a, b;
};

struct table_slot {
	uint32_t hash;		/* so that a miss seldom looks at a key */
	uint32_t index;		/* 0: free */
};

struct table {
	struct table_key *keys;	/* keys[index]; keys[0] is not used */
	size_t keys_capacity;
	struct table_slot *slots;
	uint32_t mask;		/* number of slots - 1 */
	uint32_t count;		/* pairs; the largest index */
};

/* 0: no memory, the table is as it was. */
uint32_t table_put(struct table *table, uint64_t a, uint64_t b);
uint32_t table_find(const struct table *table, uint64_t a, uint64_t b);	/* 0: not there */
void table_clear(struct table *table);	/* keeps the memory */
void table_deinit(struct table *table);

#endif
