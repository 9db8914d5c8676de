// SPDX-License-Identifier: GPL-2.0-only
#include "table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "hash.h"

#define FIRST_SLOTS 64
#define MOST_KEYS   (UINT32_MAX / 4)

/* The slot that holds the pair, or the free one where it belongs. There is always a free one:
 * see grow(). */
static struct table_slot *find_slot(const struct table *table, uint32_t hash, uint64_t a, uint64_t b)
{
	uint32_t at = hash & table->mask;

	for (;; at = (at + 1) & table->mask) {
		struct table_slot *slot = &table->slots[at];

		if (!slot->index)
			return slot;
		if (slot->hash == hash && table->keys[slot->index].a == a &&
		    table->keys[slot->index].b == b)
			return slot;
	}
}

/* Keep at most two thirds of the slots in use. */
static bool grow(struct table *table)
{
	size_t had = table->slots ? (size_t)table->mask + 1 : 0, slots = had ? had * 2 : FIRST_SLOTS;
	struct table_slot *grown;

	if (table->count >= MOST_KEYS ||
	    !array_reserve(&table->keys, &table->keys_capacity, (size_t)table->count + 2,
			   sizeof(*table->keys)))
		return false;
	if (((size_t)table->count + 1) * 3 <= had * 2)
		return true;
	grown = calloc(slots, sizeof(*grown));
	if (!grown)
		return false;
	table->mask = (uint32_t)(slots - 1);
	for (size_t i = 0; i < had; i++) {
		uint32_t at = table->slots[i].hash & table->mask;

		if (!table->slots[i].index)
			continue;
		while (grown[at].index)
			at = (at + 1) & table->mask;
		grown[at] = table->slots[i];
	}
	free(table->slots);
	table->slots = grown;
	return true;
}

uint32_t table_find(const struct table *table, uint64_t a, uint64_t b)
{
	return table->slots ? find_slot(table, (uint32_t)hash_pair(a, b), a, b)->index : 0;
}

uint32_t table_put(struct table *table, uint64_t a, uint64_t b)
{
	uint32_t hash = (uint32_t)hash_pair(a, b);
	struct table_slot *slot = table->slots ? find_slot(table, hash, a, b) : NULL;

	if (slot && slot->index)
		return slot->index;
	if (!grow(table))
		return 0;
	table->keys[++table->count] = (struct table_key){ a, b };
	slot = find_slot(table, hash, a, b);
	*slot = (struct table_slot){ hash, table->count };
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
