/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every walker is written against. Whoever includes a walker defines first
 *
 *     long walk_read(void *dst, __u32 size, __u64 address)     0: read; else: not readable
 *     WALK_LOOP(limit, step, w)                                call step(i, w) until it returns 1
 *
 * In BPF (bpf/walk.h) they read the current task's memory; on the host (runtimes/host.h) another process's, or an image.
 */
#ifndef SCRY_RUNTIMES_WALK_H
#define SCRY_RUNTIMES_WALK_H

#include "../bpf/wire.h"

#define RAW_BYTES 256

/* Room to build records in. */
struct scry_scratch {
	__u8 raw[RAW_BYTES]; /* one structure of the target */
	struct scry_sample sample;
	struct scry_frame frames[SCRY_MAX_STACK];
	struct scry_code code;
	__u8 text[SCRY_NAME_BYTES + SCRY_FILE_BYTES + SCRY_LINES_BYTES];
};

/* Field of the structure in s->raw. The masks keep the verifier content; layouts are checked when they are made. */
#define RAW_U64(s, field) (*(__u64 *)((s)->raw + (OFF(field) & 0xf8)))
#define RAW_U32(s, field) (*(__u32 *)((s)->raw + (OFF(field) & 0xfc)))
#define RAW_U8(s, field)  ((s)->raw[OFF(field) & 0xff])

static inline __attribute__((always_inline)) __u64 walk_pointer(__u64 address)
{
	__u64 value = 0;

	walk_read(&value, sizeof(value), address);
	return value;
}

#endif
