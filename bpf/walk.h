/* SPDX-License-Identifier: GPL-2.0-only */
/* The walkers' surroundings in BPF: they read the memory of the current task. */
#ifndef SCRY_BPF_WALK_H
#define SCRY_BPF_WALK_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

#define walk_read(dst, size, address) bpf_probe_read_user(dst, size, (const void *)(address))

#endif
