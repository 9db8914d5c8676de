/* SPDX-License-Identifier: GPL-2.0-only */
/* Stacks that are known by a name: keys of the kernel's programs, threads whose stack was read from outside. Zeroed: empty. */
#ifndef SCRY_STACKBOOK_H
#define SCRY_STACKBOOK_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/wire.h"
#include "base/table.h"

struct stackbook_entry {
	uint32_t node; /* in the capture */
	uint8_t error; /* enum scry_walk_error: what is missing of it */
};

struct stackbook {
	struct table keys;
	struct stackbook_entry *entries;
	size_t room;
};

void stackbook_put(struct stackbook *book, uint64_t a, uint64_t b, struct stackbook_entry entry);

/* NULL: there is none. Valid until the next put. */
const struct stackbook_entry *stackbook_find(const struct stackbook *book, uint64_t a, uint64_t b);

void stackbook_deinit(struct stackbook *book);

#endif
