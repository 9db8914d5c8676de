/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The unwind rules in a binary's .eh_frame (System V ABI, AMD64 supplement; DWARF 4, 6.4). The section is the target's: nothing in
 * it is trusted, the time taken is linear in its size.
 */
#ifndef SCRY_EH_FRAME_H
#define SCRY_EH_FRAME_H

#include <stddef.h>

#include "layout.h"

struct eh_frame_ops {
	/* A function, or a part of one, of [start, end): its rows follow. */
	void (*function)(void *ctx, __u64 start, __u64 end);
	/* From `address` on, up to the next row or the function's end, this rule holds. Addresses do not fall. */
	void (*row)(void *ctx, __u64 address, const struct native_rule *rule);
};

/* bytes: of the section, which is linked at `address`. 0, or -EINVAL where it is broken: what came before stands. */
int eh_frame_decode(const void *bytes, size_t size, __u64 address, const struct eh_frame_ops *ops, void *ctx);

#endif
