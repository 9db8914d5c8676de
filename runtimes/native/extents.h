/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the functions of a file begin and end, as its unwind information tells for those too that no symbol names. An address
 * in one of them stands for it.
 */
#ifndef SCRY_NATIVE_EXTENTS_H
#define SCRY_NATIVE_EXTENTS_H

#include "../../profiler/elf.h"

struct extents {
	struct extents_row {
		__u64 start;
		__u64 length;
	} *rows; /* by start */
	size_t count;
};

/* Read .eh_frame_hdr and .eh_frame. 0, -ENOENT (none, or of another kind), -errno. */
int extents_read(const struct elf *elf, struct extents *ret);
void extents_deinit(struct extents *extents);

/* The function that has an address; NULL: none is known. */
const struct extents_row *extents_row_of(const struct extents *extents, __u64 address);

/* The start of that; false: none. */
bool extents_find(const struct extents *extents, __u64 address, __u64 *start);

#endif
