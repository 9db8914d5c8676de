/* SPDX-License-Identifier: GPL-2.0-only */
/* The walkers' surroundings in BPF: they read the memory of the current task. */
#ifndef SCRY_BPF_WALK_H
#define SCRY_BPF_WALK_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

/* Does a register of the current task hold this, as they were in user mode? bpf/python.bpf.c; global functions are looked at once
 * by the verifier, and not in each round of the loop that calls them. */
int walk_in_register(__u64 value);

#define walk_counts_entries() (config.native) /* only the merging with native frames asks for it */

#define walk_read(dst, size, address) bpf_probe_read_user(dst, size, (const void *)(address))

#endif
