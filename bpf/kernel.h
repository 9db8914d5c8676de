/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's types, as far as scry reads them: only the fields used. Their offsets are relocated at load time
 * against the running kernel's BTF (CO-RE), so neither a build machine with BTF nor a generated header is needed.
 */
#ifndef SCRY_KERNEL_H
#define SCRY_KERNEL_H

#include <asm/ptrace.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct super_block {
	__u32 s_dev;
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
};

/* kernel/events/uprobes.c: the page where instructions with probes are executed, at whose start probed functions return to. */
struct xol_area {
	unsigned long vaddr;
};

struct uprobes_state {
	struct xol_area *xol_area;
};

struct mm_struct {
	unsigned long start_code;
	unsigned long start_stack;
	struct file *exe_file;
	struct uprobes_state uprobes_state;
};

/* include/linux/uprobes.h */
struct return_instance {
	unsigned long stack;
	unsigned long orig_ret_vaddr;
	struct return_instance *next;
};

struct uprobe_task {
	struct return_instance *return_instances;
	unsigned long vaddr;
	unsigned long xol_vaddr;
};

#if defined(__TARGET_ARCH_x86)
struct thread_struct {
	unsigned long fsbase;
};
#elif defined(__TARGET_ARCH_arm64)
struct thread_struct {
	struct {
		unsigned long tp_value;
	} uw;
};
#endif

struct signal_struct {
	struct {
		int counter;
	} live;
};

struct rq {
	__u64 clock, clock_task;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	__u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq;
};

struct task_struct {
	struct sched_entity se;
	int pid;
	int tgid;
	unsigned int flags;
	unsigned int __state;
	int on_cpu;
	unsigned int in_iowait : 1;
	unsigned long nvcsw, nivcsw;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct uprobe_task *utask;
	char comm[16];
	struct thread_struct thread;
};

struct linux_binprm;

struct bpf_iter__task {
	struct task_struct *task;
};

#pragma clang attribute pop

#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000

/* include/linux/sched.h */
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_STOPPED	     0x0004
#define TASK_TRACED	     0x0008
#define TASK_DEAD	     0x0080
#define TASK_WAKING	     0x0200

#endif
