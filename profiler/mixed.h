/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One stack out of the three that a sample carries: the interpreter's frames, those of C, the kernel's. Where the C stack has a
 * call of the interpreter's eval function, the interpreted frames that this call has run take its place.
 */
#ifndef SCRY_MIXED_H
#define SCRY_MIXED_H

#include <stdbool.h>
#include <stddef.h>

#include "../bpf/wire.h"

struct native_binaries;

struct mixed {
	const struct native_binaries *binaries; /* NULL: samples have no C frames */
	bool all; /* with the interpreter's own functions between interpreted frames */
	struct scry_frame *frames; /* of the last stack, leaf first */
	size_t count, room;
};

void mixed_deinit(struct mixed *mixed);

/*
 * Lay a sample's frames together, leaf first: in mixed->frames, until the next time; each has its kind, and of interpreted ones
 * only the id. The cause why the stack is not whole, or SCRY_WALK_OK. The sample's size was checked to hold all its frames.
 *
 * The calls of the eval function must be as many as the interpreter says. One more is right only of the innermost: it begins or
 * ends just now, and its frame is not linked yet, or not any more. Where they are not, or one of the walks has not come to its
 * end, the interpreted frames stand alone below the C frames that were called last.
 */
enum scry_walk_error mixed_lay(struct mixed *mixed, const struct scry_sample *sample);

#endif
