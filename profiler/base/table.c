// SPDX-License-Identifier: GPL-2.0-only
#include "table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "hash.h"

#define FIRST_SLOTS 64
#define MOST_KEYS   (UINT32_MAX / 4)

/* The slot that holds the pair, or the free one where it belongs. There is always a free one: see grow(). */
static uint32_t *find_slot(const struct table *table, uint64_t a, uint64_t b)
{
	uint32_t at = (uint32_t)hash_pair(a, b) & table->mask;

	for (;; at = (at + 1) & table->mask) {
		const struct table_key *key = &table->keys[table->slots[at]];

		if (!table->slots[at] || (key->a == a && key->b == b))
			return &table->slots[at];
	}
}

/* Keep at most two thirds of the slots in use. */
static bool grow(struct table *table)
{
	size_t slots = table->slots ? (size_t)table->mask + 1 : 0;
	uint32_t *old = table->slots;

	if (table->count >= MOST_KEYS ||
	    !array_reserve(&table->keys, &table->keys_capacity, (size_t)table->count + 2, sizeof(*table->keys)))
		return false;
	if (((size_t)table->count + 1) * 3 <= slots * 2)
		return true;
	slots = slots ? slots * 2 : FIRST_SLOTS;
	table->slots = calloc(slots, sizeof(*table->slots));
	if (!table->slots) {
		table->slots = old;
		return false;
	}
	table->mask = (uint32_t)(slots - 1);
	for (uint32_t i = 1; i <= table->count; i++)
		*find_slot(table, table->keys[i].a, table->keys[i].b) = i;
	free(old);
	return true;
}

uint32_t table_find(const struct table *table, uint64_t a, uint64_t b)
{
	return table->slots ? *find_slot(table, a, b) : 0;
}

uint32_t table_put(struct table *table, uint64_t a, uint64_t b)
{
	uint32_t found = table_find(table, a, b);

	if (found)
		return found;
	if (!grow(table))
		return 0;
	table->keys[++table->count] = (struct table_key){ a, b };
	*find_slot(table, a, b) = table->count;
	return table->count;
}

void table_clear(struct table *table)
{
	if (table->slots)
		memset(table->slots, 0, ((size_t)table->mask + 1) * sizeof(*table->slots));
	table->count = 0;
}

void table_deinit(struct table *table)
{
	free(table->keys);
	free(table->slots);
	*table = (struct table){ 0 };
}
