/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames of native code and of the kernel in a capture: each place is named once, when it is met first, since the process that
 * tells of it may be gone later.
 */
#ifndef SCRY_NATIVE_FRAMES_H
#define SCRY_NATIVE_FRAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture.h"

struct native_frames;
struct native_symbols;

/* Indices in the capture, the innermost first; they live until the next one is asked for. */
struct native_row {
	const uint32_t *frames;
	unsigned count; /* 0: no memory */
};

/* The capture must outlive it. 0 or -ENOMEM, reported. */
int native_frames_create(struct capture_writer *capture, struct native_frames **ret);
void native_frames_destroy(struct native_frames *frames); /* NULL is allowed */

/*
 * At a link-time address of a binary; several where functions are inlined there. binary: any number that stands for it alone;
 * symbols: NULL where it has none, path is then all that is told. Of a caller's frame the address is that of the call.
 */
struct native_row native_frames_binary(struct native_frames *frames, uint32_t binary, struct native_symbols *symbols,
				       const char *path, uint64_t address);

/*
 * At an address in a process that no file tells of: code made at run time, with the name the program gave it in its perf map.
 * Its name may change: such a row must not be kept.
 */
struct native_row native_frames_made(struct native_frames *frames, pid_t pid, uint64_t address);

/* At an address in the kernel, whose names are read at the first one. */
struct native_row native_frames_kernel(struct native_frames *frames, uint64_t address);

/* Is an address in the kernel one of what leads from a tracepoint to a BPF program, or of one? */
bool native_frames_is_probe(struct native_frames *frames, uint64_t address);

/* A process has ended, or runs another program. */
void native_frames_forget(struct native_frames *frames, pid_t pid);

#endif
