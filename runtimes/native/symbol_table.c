// SPDX-License-Identifier: GPL-2.0-only
#include "symbol_table.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/array.h"
#include "../../profiler/base/cleanup.h"

#define MAX_TEXTS (256u << 20)

/* While a table is made: the entries that reach the place being looked at, the highest priority on top. */
struct maker {
	struct symbol_table *table;
	size_t starts_room, names_room;
	struct symbol_entry **heap;
	size_t heap_count;
	__u64 end; /* of the last range */
};

static void heap_push(struct maker *m, struct symbol_entry *entry)
{
	size_t at = m->heap_count++;

	for (; at && m->heap[(at - 1) / 2]->priority < entry->priority; at = (at - 1) / 2)
		m->heap[at] = m->heap[(at - 1) / 2];
	m->heap[at] = entry;
}

static void heap_pop(struct maker *m)
{
	struct symbol_entry *last = m->heap[--m->heap_count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < m->heap_count) {
		if (child + 1 < m->heap_count && m->heap[child + 1]->priority > m->heap[child]->priority)
			child++;
		if (m->heap[child]->priority < last->priority)
			break;
		m->heap[at] = m->heap[child];
		at = child;
	}
	m->heap[at] = last;
}

static int put_range(struct maker *m, __u64 start, __u32 name)
{
	struct symbol_table *t = m->table;

	if (!array_reserve(&t->starts, &m->starts_room, t->count + 1, sizeof(*t->starts)) ||
	    !array_reserve(&t->names, &m->names_room, t->count + 1, sizeof(*t->names)))
		return -ENOMEM;
	t->starts[t->count] = start;
	t->names[t->count++] = name;
	return 0;
}

static int keep_name(struct symbol_table *table, struct symbol_entry *entry)
{
	if (entry->kept)
		return 0;
	if (table->texts.size + entry->length + 1 > MAX_TEXTS)
		return -E2BIG;
	entry->kept = table->texts.size;
	buffer_put(&table->texts, entry->name, entry->length);
	buffer_put(&table->texts, "", 1);
	return table->texts.failed ? -ENOMEM : 0;
}

/* The entry names everything from start to end. */
static int emit(struct maker *m, struct symbol_entry *entry, __u64 start, __u64 end)
{
	struct symbol_table *t = m->table;
	int err = keep_name(t, entry);

	if (!err && start > m->end && t->count)
		err = put_range(m, m->end, 0);
	if (!err && (!t->count || start > m->end || t->names[t->count - 1] != entry->kept))
		err = put_range(m, start, entry->kept);
	m->end = end;
	return err;
}

/* From one place where an entry begins or ends to the next; each step takes an entry in or lets one go. */
static int sweep(struct maker *m, struct symbol_entry *entries, size_t count)
{
	size_t next = 0;
	__u64 at = 0;
	int err = 0;

	while (!err) {
		while (m->heap_count && m->heap[0]->end <= at)
			heap_pop(m);
		if (!m->heap_count && next == count)
			break;
		if (!m->heap_count && entries[next].start > at)
			at = entries[next].start;
		if (next < count && entries[next].start <= at) {
			heap_push(m, &entries[next++]);
			continue;
		}
		__u64 end = m->heap[0]->end;

		if (next < count && entries[next].start < end)
			end = entries[next].start;
		err = emit(m, m->heap[0], at, end);
		at = end;
	}
	return err ?: m->table->count ? put_range(m, m->end, 0) : 0;
}

int symbol_entry_compare(const void *left, const void *right)
{
	const struct symbol_entry *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->priority < b->priority ? -1 : a->priority > b->priority;
}

static void shrink(struct symbol_table *t)
{
	t->starts = realloc(t->starts, t->count * sizeof(*t->starts)) ?: t->starts;
	t->names = realloc(t->names, t->count * sizeof(*t->names)) ?: t->names;
	t->texts.bytes = realloc(t->texts.bytes, t->texts.size) ?: t->texts.bytes;
	t->texts.capacity = t->texts.size;
}

int symbol_table_make(struct symbol_entry *entries, size_t count, struct symbol_table *ret)
{
	_cleanup_free_ struct symbol_entry **heap = calloc(count + 1, sizeof(struct symbol_entry *));
	struct maker m = { .table = ret, .heap = heap };
	int err;

	*ret = (struct symbol_table){ 0 };
	if (!heap)
		return -ENOMEM;
	buffer_put(&ret->texts, "", 1); /* so that no name is at 0 */
	if (count)
		qsort(entries, count, sizeof(*entries), symbol_entry_compare);
	err = ret->texts.failed ? -ENOMEM : sweep(&m, entries, count);
	if (err)
		symbol_table_deinit(ret);
	else if (ret->count)
		shrink(ret);
	return err;
}

void symbol_table_deinit(struct symbol_table *table)
{
	free(table->starts);
	free(table->names);
	buffer_deinit(&table->texts);
	*table = (struct symbol_table){ 0 };
}

const char *symbol_table_find(const struct symbol_table *table, __u64 address)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->starts[middle] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || !table->names[low - 1])
		return NULL;
	return (const char *)table->texts.bytes + table->names[low - 1];
}
