/* SPDX-License-Identifier: GPL-2.0-only */
/* CPython in BPF: bpf/python.bpf.c. All work on the scratch of the current CPU. */
#ifndef SCRY_BPF_PYTHON_H
#define SCRY_BPF_PYTHON_H

#include "maps.h"

/* Walk the current thread, of process pid, into frames[]; walk.error and walk.count tell how it went. */
int python_walk(__u32 pid);

/* Give a code object an id, and tell user space of it: bpf/code.bpf.c. The id, or a negative enum scry_walk_error. */
int python_first_sight(__u64 address, __u32 pid);

#endif
