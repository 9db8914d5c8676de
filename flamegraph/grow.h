/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory: arrays that grow by doubling, and tables. Large arrays are moved by remapping, so untouched capacity costs no memory. */
#ifndef FLAME_GROW_H
#define FLAME_GROW_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE (2u << 20)
#define GROW_HUGE (8 * HUGE_PAGE)	/* bytes from which page faults would take a good part of the time */

static inline void grow_advise(void *array, size_t size)
{
	uintptr_t begin = ((uintptr_t)array + 4095) & -(uintptr_t)4096;

	if (size >= GROW_HUGE)
		madvise((void *)begin, (uintptr_t)array + size - begin, MADV_HUGEPAGE);
}

/* A zeroed table for look-ups at random: in huge pages, where there are, they miss once instead of twice. */
static inline void *table_alloc(size_t count, size_t item)
{
	size_t size = count * item;
	void *table = aligned_alloc(size < HUGE_PAGE ? 64 : HUGE_PAGE, size);

	if (!table)
		return NULL;
	if (size >= HUGE_PAGE)
		madvise(table, size, MADV_HUGEPAGE);
	return memset(table, 0, size);
}

/* Make room for `need` items of `size` bytes in *array. 0 or -ENOMEM. */
static inline int grow(void *array, size_t *capacity, size_t need, size_t size)
{
	void *old = *(void **)array, *fresh;
	size_t room = *capacity ? *capacity : 64;

	if (need <= *capacity)
		return 0;
	while (room < need) {
		if (room > SIZE_MAX / 2)
			return -ENOMEM;
		room *= 2;
	}
	fresh = reallocarray(old, room, size);
	if (!fresh)
		return -ENOMEM;
	grow_advise(fresh, room * size);
	*(void **)array = fresh;
	*capacity = room;
	return 0;
}

#endif
