/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SCRY_BPF_CODE_H
#define SCRY_BPF_CODE_H

#include <linux/types.h>

/* Give a code object of process pid an id, and tell user space of it: bpf/code.bpf.c. The id, or a negative enum
 * scry_walk_error. */
int python_first_sight(__u64 address, __u32 pid);

#endif
