/* SPDX-License-Identifier: GPL-2.0-only */
/* The system call that a task is in. */
#ifndef SCRY_BPF_SYSCALL_H
#define SCRY_BPF_SYSCALL_H

#include "maps.h"

/*
 * Its number, and its first two arguments. What an interrupt or a page fault leaves in place of the number is told apart by the
 * caller: who waits for a page is uninterruptible, who was interrupted is preempted.
 * x86-64: struct pt_regs has orig_ax at 120, di at 112, si at 104 (arch/x86/include/asm/ptrace.h). aarch64: after struct
 * user_pt_regs of 272 bytes come orig_x0 and syscallno; x1 is at 8 (arch/arm64/include/asm/ptrace.h).
 */
static __always_inline __s32 task_syscall(struct task_struct *task, __u64 argument[2])
{
	const char *regs = (const char *)bpf_task_pt_regs(task);
#if defined(__TARGET_ARCH_x86)
	__u64 words[3]; /* si, di, orig_ax */

	if (bpf_probe_read_kernel(words, sizeof(words), regs + 104))
		return -1;
	argument[0] = words[1];
	argument[1] = words[0];
	return words[2];
#else
	__u64 words[2]; /* orig_x0, syscallno */

	if (bpf_probe_read_kernel(words, sizeof(words), regs + 272) ||
	    bpf_probe_read_kernel(&argument[1], sizeof(argument[1]), regs + 8))
		return -1;
	argument[0] = words[0];
	return words[1];
#endif
}

/* Is it one that waits for a word of user memory, its first argument? futex, futex_wait (6.7). */
static __always_inline bool syscall_is_futex(__s32 number)
{
#if defined(__TARGET_ARCH_x86)
	return number == 202 || number == 455;
#else
	return number == 98 || number == 455;
#endif
}

#endif
