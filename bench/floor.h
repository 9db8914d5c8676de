/* SPDX-License-Identifier: GPL-2.0-only */
/* What the floor program and its loader share. */
#ifndef SCRY_FLOOR_H
#define SCRY_FLOOR_H

#include <linux/types.h>

#define FLOOR_FRAMES 128 /* deepest stack: a power of two */

/* Byte offsets and addresses, known before loading: constants to the program. CPython 3.11. */
struct floor_places {
	__u32 tgid;
	__u32 state_cframe, cframe_frame, frame_code, frame_previous, frame_instr;
	__u64 current; /* run-time address of _PyRuntime.gilstate.tstate_current */
};

struct floor_frame {
	__u64 code, instr; /* addresses, as the frame has them */
};

struct floor_sample {
	__u64 time;
	__u32 pid, tid;
	__u32 cpu, count;
	struct floor_frame frames[FLOOR_FRAMES];
};

#endif
