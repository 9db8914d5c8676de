// SPDX-License-Identifier: GPL-2.0-only
/*
 * What bcc's offcputime does at a switch, written again for kernels on which it cannot run (it needs kprobes, and kernel headers): the
 * time at which a followed thread leaves, by its number; when it comes back, the duration, two stacks by the kernel's frame-pointer
 * unwinder, and a sum by thread and stacks. There are no names of Python functions in that. The stacks are those of the thread
 * that leaves, which at this place is the one whose memory can be read: the cost is the same.
 */
#include "../bpf/kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct key {
	__u32 pid, tgid;
	int user, kernel;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} followed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, __u64);
} start SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct key);
	__type(value, __u64);
} sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 127 * sizeof(__u64));
} stacks SEC(".maps");

__u64 waits = 0;

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/sched_switch")
int BPF_PROG(switch_floor, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u32 tgid = prev->tgid, pid = prev->pid;
	__u64 now = bpf_ktime_get_ns(), *since, *sum;
	struct key key = {};

	if (bpf_map_lookup_elem(&followed, &tgid))
		bpf_map_update_elem(&start, &pid, &now, BPF_ANY);
	pid = next->pid;
	tgid = next->tgid;
	since = bpf_map_lookup_elem(&start, &pid);
	if (!since)
		return 0;
	key.pid = pid;
	key.tgid = tgid;
	now -= *since;
	bpf_map_delete_elem(&start, &pid);
	key.user = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	key.kernel = bpf_get_stackid(ctx, &stacks, 0);
	bpf_probe_read_kernel(key.comm, sizeof(key.comm), next->comm);
	__sync_fetch_and_add(&waits, 1);
	sum = bpf_map_lookup_elem(&sums, &key);
	if (sum)
		__sync_fetch_and_add(sum, now / 1000);
	else
		bpf_map_update_elem(&sums, &key, &now, BPF_NOEXIST);
	return 0;
}
