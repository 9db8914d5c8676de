/* SPDX-License-Identifier: GPL-2.0-only */
/* CPython in BPF: bpf/python.bpf.c, bpf/code.bpf.c. All work in a scratch that the caller owns, named by its slot. */
#ifndef SCRY_BPF_PYTHON_H
#define SCRY_BPF_PYTHON_H

#include "maps.h"

/* Find the current thread's state in process pid: walk.frame is its current frame. An enum scry_walk_error. */
int python_enter(__u32 pid, __u32 slot);

/* Walk from walk.frame into frames[]; walk.error and walk.count tell how it went. */
int python_walk(__u32 pid, __u32 slot);

/* Give a code object an id, and tell user space of it. The id, or a negative enum scry_walk_error. */
int python_first_sight(__u64 address, __u32 pid, __u32 slot);

#endif
