/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions to the kernel about the current task. */
#ifndef SCRY_TASK_H
#define SCRY_TASK_H

#include "maps.h"

#define MAX_PID_LEVEL 32 /* MAX_PID_NS_LEVEL, include/linux/pid_namespace.h */

/*
 * The number of a pid in scry's own pid namespace: user space names targets by it, and records carry it. A task outside
 * of it has no number there: 0, which is never a target.
 */
static __always_inline __u32 pid_number(struct task_struct *task, __u32 global)
{
	struct pid *pid;
	__u32 level;

	if (!config.pid_namespace)
		return global;
	pid = BPF_CORE_READ(task, thread_pid);
	level = BPF_CORE_READ(pid, level);
	for (__u32 i = 0; i <= level && i < MAX_PID_LEVEL; i++) {
		struct upid upid;

		bpf_core_read(&upid, sizeof(upid), &pid->numbers[i]);
		if (BPF_CORE_READ(upid.ns, ns.inum) == config.pid_namespace)
			return upid.nr;
	}
	return 0;
}

static __always_inline __u32 task_pid(struct task_struct *task)
{
	return pid_number(task->group_leader, task->tgid);
}

static __always_inline __u32 task_tid(struct task_struct *task)
{
	return pid_number(task, task->pid);
}

/* The thread pointer (pthread_self): how a thread knows itself, and how interpreters know their threads. */
static __always_inline __u64 task_thread_pointer(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread.fsbase;
#else
	return task->thread.uw.tp_value;
#endif
}

/* Its name, which ends in a NUL: cheaper than bpf_get_current_comm. */
static __always_inline void task_comm(struct task_struct *task, char comm[16])
{
	const __u64 *from = (const __u64 *)__builtin_preserve_access_index(&task->comm);
	__u64 *to = (__u64 *)comm;

	to[0] = from[0];
	to[1] = from[1];
}

/* Does the current task pass the filters, the one for its process apart? Cheapest first. */
static __always_inline bool task_passes(struct task_struct *task)
{
	if (config.cgroup_level && bpf_get_current_ancestor_cgroup_id(config.cgroup_level) != config.cgroup_id)
		return false;
	if (config.tids) {
		__u32 tid = task_tid(task);

		if (!bpf_map_lookup_elem(&tids, &tid))
			return false;
	}
	if (config.glob) {
		char comm[GLOB_TEXT] = {};

		bpf_get_current_comm(comm, sizeof(comm));
		if (!glob_match_comm((const char *)config.comm_glob, comm))
			return false;
	}
	return true;
}

/* Is the current task one to look at? All filters are here, before any work. */
static __always_inline bool task_followed(struct task_struct *task, __u32 pid)
{
	if (!config.all && !bpf_map_lookup_elem(&targets, &pid))
		return false;
	return task_passes(task);
}

#endif
