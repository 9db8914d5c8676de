/* SPDX-License-Identifier: GPL-2.0-only */
/* The walkers' surroundings in BPF: they read the memory of the current task. */
#ifndef SCRY_BPF_WALK_H
#define SCRY_BPF_WALK_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

#include "config.h"

#define walk_read(dst, size, address) bpf_probe_read_user(dst, size, (const void *)(address))

/*
 * Kernels before 5.17 have no bpf_loop: there the verifier follows each round of a plain loop, which bounds what can be
 * walked to BOUNDED_FRAMES. The branch not taken is removed at load.
 */
#define BOUNDED_FRAMES 1024

#define WALK_LOOP(limit, step, w)                                                                       \
	do {                                                                                            \
		if (!config.bounded_loop) {                                                             \
			bpf_loop(limit, step, w, 0);                                                    \
		} else {                                                                                \
			for (__u32 round = 0; round < BOUNDED_FRAMES; round++)                          \
				if (step(round, w))                                                     \
					break;                                                          \
		}                                                                                       \
	} while (0)

#endif
