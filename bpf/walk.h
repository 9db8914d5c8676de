/* SPDX-License-Identifier: GPL-2.0-only */
/* The walkers' surroundings in BPF: they read the memory of the current task. */
#ifndef SCRY_BPF_WALK_H
#define SCRY_BPF_WALK_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

/* The general registers of the current task as they were in user mode: on x86-64 the first 15 words of struct pt_regs (arch/x86/
 * include/asm/ptrace.h; the 16th is the system call's number), on aarch64 x0 to x15. */
static __always_inline __u32 walk_registers(__u64 *dst)
{
	const void *regs = (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());

	return bpf_probe_read_kernel(dst, 16 * sizeof(*dst), regs) ? 0 : 15;
}

#define walk_read(dst, size, address) bpf_probe_read_user(dst, size, (const void *)(address))

#endif
