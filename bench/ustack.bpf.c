// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel's own walk by frame pointers costs: the stack of a process at each tick, and nothing else. */
#include "bpf/kernel.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 tgid = 0;
__u64 samples = 0, frames = 0, ns = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[127]);
} stacks SEC(".maps");

SEC("perf_event")
int ustack_cpu(void *ctx)
{
	__u32 zero = 0;
	__u64 *stack = bpf_map_lookup_elem(&stacks, &zero), start = bpf_ktime_get_ns();
	long bytes;

	if (!stack || bpf_get_current_pid_tgid() >> 32 != tgid)
		return 0;
	bytes = bpf_get_stack(ctx, stack, 127 * 8, BPF_F_USER_STACK);
	if (bytes <= 0)
		return 0;
	__sync_fetch_and_add(&samples, 1);
	__sync_fetch_and_add(&frames, bytes / 8);
	__sync_fetch_and_add(&ns, bpf_ktime_get_ns() - start);
	return 0;
}
