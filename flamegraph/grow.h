/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory: arrays that grow by doubling, and tables. Large arrays are moved by remapping, so
 * untouched capacity costs no memory.
 */
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

/*
 * A zeroed table for look-ups at random: in huge pages, where there are, they miss once instead of
 * twice. Its size is a power of two.
 */
static inline void *table_alloc(size_t count, size_t item)
{
	size_t size = count * item, before;
	char *area;

	if (size < HUGE_PAGE)
		return calloc(count, item);
	area = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)area & (HUGE_PAGE - 1);
	if (before)
		munmap(area, before);
	if (HUGE_PAGE - before)
		munmap(area + before + size, HUGE_PAGE - before);
	madvise(area + before, size, MADV_HUGEPAGE);
	return area + before;
}

static inline void table_free(void *table, size_t count, size_t item)
{
	if (count * item < HUGE_PAGE)
		free(table);
	else
		munmap(table, count * item);
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
