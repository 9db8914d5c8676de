/* SPDX-License-Identifier: GPL-2.0-only */
/* C frames in BPF: bpf/native.bpf.c. */
#ifndef SCRY_BPF_NATIVE_H
#define SCRY_BPF_NATIVE_H

#include "maps.h"

/*
 * Walk the current task's C stack from where it was in user mode: s->sample.native frames behind the s->sample.count of the
 * interpreter; s->sample.native_error tells how it ended. User space is asked about memory it has not told of. in_user: it was
 * interrupted there, not in the kernel.
 */
int native_walk(__u32 pid, __u32 slot, bool in_user);

#endif
