/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interning texts: the same bytes give the same index, the first text 1, the next 2, and so on.
 * Texts are copied, once, and end in a NUL that is not counted. A zeroed intern is an empty one.
 */
#ifndef SCRY_INTERN_H
#define SCRY_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct intern_text;

struct intern {
	struct intern_text **texts;	/* texts[index] */
	size_t capacity;
	uint32_t *slots;		/* index, 0: free */
	uint32_t mask, count;
};

uint32_t intern_put(struct intern *intern, const char *text, size_t size);	/* 0: no memory */
uint32_t intern_find(const struct intern *intern, const char *text, size_t size); /* 0: not there */
/* Lives as long as the intern. */
const char *intern_text(const struct intern *intern, uint32_t index);
size_t intern_size(const struct intern *intern, uint32_t index);
void intern_deinit(struct intern *intern);

#endif
