/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where code is that has probes in it, anybody's. A probe is a breakpoint (kernel/events/uprobes.c): while it is served rip is behind
 * it or on it, then the instruction it stands for is emulated or executed in a page of the kernel's (pre_ssout()), and a probe at a
 * function's return has it return to a trampoline at that page's start. x86-64.
 */
#ifndef SCRY_BPF_PROBED_H
#define SCRY_BPF_PROBED_H

#include "maps.h"

#define INT3	    0xcc
#define LONGEST	    16 /* an instruction has up to 15 bytes */
#define XOL_BYTES   4096
#define MAX_RETURNS 64 /* MAX_URETPROBE_DEPTH, include/linux/uprobes.h */

/* 0: the kernel has no such probes, or this thread has met none. */
static __always_inline struct uprobe_task *probed_task(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return bpf_core_field_exists(task->utask) ? task->utask : 0;
}

/* Where the function with this return address on the stack is to return to; 0: not known. */
static __always_inline __u64 probed_return(__u64 slot)
{
	struct uprobe_task *probed = probed_task();
	struct return_instance *kept = probed ? probed->return_instances : 0;

	for (int i = 0; i < MAX_RETURNS && kept; i++) {
		if (kept->stack == slot)
			return kept->orig_ret_vaddr;
		kept = kept->next;
	}
	return 0;
}

/*
 * How far the trampoline has moved rsp at a place in it: a breakpoint, or since 6.11 push rax, rcx, r11; mov eax; syscall; pop r11,
 * rcx; ret (arch/x86/kernel/uprobes.c).
 */
static __always_inline __u64 probed_pushed(__u64 trampoline, __u64 in)
{
	__u64 code = 0;

	if (walk_read(&code, 7, trampoline) || code != 0xc0c74853415150)
		return 0;
	return in == 0 ? 0 : in == 1 || in == 16 ? 8 : in == 2 || in == 15 ? 16 : 24;
}

enum probed {
	PROBED_AT,	/* pc is the instruction that the program is at */
	PROBED_BEHIND,	/* or one byte behind it: the probe was served, or is yet to be */
	PROBED_BETWEEN, /* rsp need not fit what pc says */
};

/*
 * The innermost frame: from where rip is to the instruction that the program is at. in_user: it runs, and is not in the kernel.
 * n->returns: where functions are made to return to, 0: nowhere.
 */
static __always_inline enum probed probed_begin(struct native_walk *n, bool in_user)
{
	struct uprobe_task *probed = probed_task();
	struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	struct xol_area *area;
	__u64 in, pc;
	__u8 before = 0;

	n->returns = 0;
	if (!probed || !mm)
		return PROBED_AT;
	area = mm->uprobes_state.xol_area;
	n->returns = area ? area->vaddr : 0;
	in = n->pc - n->returns;
	if (n->returns && in < XOL_BYTES) {
		if (n->pc - probed->xol_vaddr < LONGEST) {
			n->pc += probed->vaddr - probed->xol_vaddr;
			n->bx = 0; /* may hold an address meanwhile: riprel_pre_xol(), arch/x86/kernel/uprobes.c */
			return PROBED_AT;
		}
		n->sp += probed_pushed(n->returns, in);
		pc = probed_return(n->sp - 8);
		n->pc = pc;
		return pc ? PROBED_AT : PROBED_BETWEEN;
	}
	return !in_user && !walk_read(&before, sizeof(before), n->pc - 1) && before == INT3 ? PROBED_BEHIND : PROBED_AT;
}

#endif
