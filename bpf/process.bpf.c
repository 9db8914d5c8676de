// SPDX-License-Identifier: GPL-2.0-only
/* Life of processes: followed ones fork, run another program, end. */
#include "task.h"

extern __u32 next_instance;

/* Grows whenever what `procs` says of a process is no longer so. */
__u32 lives = 1;

static __always_inline void process_tell(__u32 kind, __u32 pid, struct scry_process *to)
{
	to->head.kind = kind;
	to->head.pid = pid;
	to->head.time = bpf_ktime_get_ns();
	bpf_ringbuf_output(&events, to, sizeof(*to), kind == SCRY_RECORD_EXIT ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct scry_process record = {};
	struct scry_proc copy, *proc;
	__u64 *target;
	__u32 pid, from;

	if (child->pid != child->tgid) /* a thread */
		return 0;
	from = task_pid(parent);
	target = bpf_map_lookup_elem(&targets, &from);
	if (!config.all && !(target && config.children))
		return 0;
	pid = pid_number(child, child->tgid);
	if (target && bpf_map_update_elem(&targets, &pid, target, BPF_ANY)) {
		count(SCRY_COUNT_UNFOLLOWED);
		return 0;
	}
	proc = bpf_map_lookup_elem(&procs, &from);
	if (proc) { /* the same memory at the same place, but a life of its own */
		copy = *proc;
		copy.instance = __sync_fetch_and_add(&next_instance, 1) + 1;
		bpf_map_update_elem(&procs, &pid, &copy, BPF_ANY);
	}
	record.parent = from;
	if (target || proc)
		process_tell(SCRY_RECORD_FORK, pid, &record);
	return 0;
}

/*
 * Probes in a single process are told by its main thread's memory: they go on in the program that it executes (the kernel's
 * uprobe_multi_link_filter and uprobe_perf_filter). Where another thread does, the main one ends and the other takes its number.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid)
{
	struct scry_process record = {};
	__u32 pid = task_pid(task);
	__u64 *target = bpf_map_lookup_elem(&targets, &pid);
	bool known;

	if (old_pid != task->pid && target && *target != SCRY_PROBED_ANYWHERE) {
		*target = 0;
		record.lost = 1;
	}
	record.outside = config.cgroup_level && bpf_get_current_ancestor_cgroup_id(config.cgroup_level) != config.cgroup_id;
	bpf_map_delete_elem(&asked, &pid);
	/* With a clock, a program of the machine is noticed when it runs; for events its probes must be there before. */
	known = !bpf_map_delete_elem(&procs, &pid);
	if (known)
		__sync_fetch_and_add(&lives, 1);
	if (!known && !target && !(config.all && config.events))
		return 0;
	process_tell(SCRY_RECORD_EXEC, pid, &record);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct scry_process record = {};
	bool known;
	__u32 pid;

	if (task->signal->live.counter) /* not the last thread */
		return 0;
	pid = task_pid(task);
	bpf_map_delete_elem(&asked, &pid);
	known = !bpf_map_delete_elem(&procs, &pid);
	if (known) /* the number may be another's soon */
		__sync_fetch_and_add(&lives, 1);
	known |= !bpf_map_delete_elem(&targets, &pid);
	if (!known)
		return 0;
	process_tell(SCRY_RECORD_EXIT, pid, &record);
	return 0;
}
