/* SPDX-License-Identifier: GPL-2.0-only */
/* An image of a process's memory: pages that exist or do not. */
#ifndef TEST_IMAGE_H
#define TEST_IMAGE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/array.h"
#include "profiler/base/table.h"
#include "runtimes/host.h"

#define PAGE 4096u

struct page {
	uint8_t bytes[PAGE];
	bool missing; /* reading it fails */
};

struct image {
	struct table numbers; /* (page number, 0) -> index in pages */
	struct page **pages;
	size_t room;
	__u64 next;  /* address of what is allocated next */
	size_t reads; /* so far */
};

static inline struct page *image_page(struct image *image, __u64 address, bool make)
{
	uint32_t index = make ? table_put(&image->numbers, address / PAGE, 0)
			      : table_find(&image->numbers, address / PAGE, 0);

	if (!index)
		return NULL;
	if (!array_reserve(&image->pages, &image->room, index + 1, sizeof(*image->pages)))
		abort();
	if (!image->pages[index])
		image->pages[index] = calloc(1, sizeof(struct page));
	return image->pages[index];
}

static inline void image_put(struct image *image, __u64 address, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		image_page(image, address + i, true)->bytes[(address + i) % PAGE] = ((const uint8_t *)bytes)[i];
}

static inline void image_u64(struct image *image, __u64 address, __u64 value)
{
	image_put(image, address, &value, sizeof(value));
}

static inline void image_u32(struct image *image, __u64 address, __u32 value)
{
	image_put(image, address, &value, sizeof(value));
}

/* Reading the page fails from now on. */
static inline void image_fault(struct image *image, __u64 address)
{
	image_page(image, address, true)->missing = true;
}

/* Zeroed memory; apart: on pages of its own. */
static inline __u64 image_take(struct image *image, size_t size, bool apart)
{
	__u64 at = apart ? (image->next + PAGE - 1) / PAGE * PAGE : image->next;

	for (__u64 page = at / PAGE; page <= (at + size) / PAGE; page++)
		image_page(image, page * PAGE, true);
	image->next = apart ? (at + size + PAGE - 1) / PAGE * PAGE : (at + size + 15) & ~15ull;
	return at;
}

/* struct walk_memory's read. */
static inline int image_read(void *ctx, void *dst, size_t size, __u64 address)
{
	struct image *image = ctx;
	size_t done = 0;

	image->reads++;
	while (done < size) {
		size_t in = (address + done) % PAGE, part = PAGE - in < size - done ? PAGE - in : size - done;
		struct page *page = image_page(image, address + done, false);

		if (!page || page->missing)
			return -1;
		memcpy((uint8_t *)dst + done, page->bytes + in, part);
		done += part;
	}
	return 0;
}

static inline void image_deinit(struct image *image)
{
	for (size_t i = 0; i < image->room; i++)
		free(image->pages[i]);
	free(image->pages);
	table_deinit(&image->numbers);
}

#endif
