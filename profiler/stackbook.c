// SPDX-License-Identifier: GPL-2.0-only
#include "stackbook.h"

#include <stdlib.h>

#include "base/array.h"

void stackbook_put(struct stackbook *book, uint64_t a, uint64_t b, struct stackbook_entry entry)
{
	uint32_t index = table_put(&book->keys, a, b);

	if (index && array_reserve(&book->entries, &book->room, index + 1, sizeof(*book->entries)))
		book->entries[index] = entry;
}

const struct stackbook_entry *stackbook_find(const struct stackbook *book, uint64_t a, uint64_t b)
{
	uint32_t index = table_find(&book->keys, a, b);

	return index && index < book->room ? &book->entries[index] : NULL;
}

void stackbook_deinit(struct stackbook *book)
{
	table_deinit(&book->keys);
	free(book->entries);
	*book = (struct stackbook){ 0 };
}
