// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least that a sampler of CPython 3.11 can do: at each tick of the clock go from a fixed
 * address to the frame of the thread that holds the GIL, take one read a frame, and send two
 * addresses for each. No names, no check whose state that is, no cycle check, no table of any
 * kind. What scry costs is measured against this.
 */
#include "../bpf/kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "floor.h"

#define RAW_WORDS 4 /* 3.11's struct _PyInterpreterFrame: f_code to prev_instr is four words */

const volatile struct floor_places places = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct floor_sample);
} scratch SEC(".maps");

__u64 samples = 0, frames = 0, lost = 0;

char LICENSE[] SEC("license") = "GPL";

static __always_inline __u64 pointer(__u64 address)
{
	__u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline __u32 walk(struct floor_sample *s)
{
	__u64 state = pointer(places.current);
	__u64 frame = pointer(pointer(state + places.state_cframe) + places.cframe_frame);
	__u64 raw[RAW_WORDS];
	__u32 i;

	for (i = 0; i < FLOOR_FRAMES && frame; i++) {
		if (bpf_probe_read_user(raw, sizeof(raw), (void *)(frame + places.frame_code)))
			break;
		s->frames[i].code = raw[0];
		s->frames[i].instr = raw[((places.frame_instr - places.frame_code) / 8) % RAW_WORDS];
		frame = raw[((places.frame_previous - places.frame_code) / 8) % RAW_WORDS];
	}
	return i;
}

SEC("perf_event")
int floor_cpu(void *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct floor_sample *s;
	__u32 zero = 0, count;

	if (id >> 32 != places.tgid)
		return 0;
	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!s)
		return 0;
	s->time = bpf_ktime_get_ns();
	s->pid = id >> 32;
	s->tid = id;
	s->cpu = bpf_get_smp_processor_id();
	count = walk(s);
	if (count > FLOOR_FRAMES)
		return 0;
	s->count = count;
	samples++;
	frames += count;
	if (bpf_ringbuf_output(&events, s, sizeof(*s) - (FLOOR_FRAMES - count) * sizeof(s->frames[0]),
			       BPF_RB_NO_WAKEUP))
		lost++;
	return 0;
}
