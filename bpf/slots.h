/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scratch areas for programs at probes. Since 6.0 such programs can be preempted by other tasks (bpf_prog_run_array_uprobe
 * only disables migration), so a CPU has a few areas, each taken by one program at a time.
 */
#ifndef SCRY_BPF_SLOTS_H
#define SCRY_BPF_SLOTS_H

#include "maps.h"

/* Take one of this CPU's; false: all are taken by preempted programs. */
static __always_inline bool slot_take(__u32 *ret)
{
	__u32 first = config.cpus + bpf_get_smp_processor_id() * SLOTS_PER_CPU;

	for (__u32 i = 0; i < SLOTS_PER_CPU; i++) {
		__u32 slot = first + i;
		struct scry_scratch *s = bpf_map_lookup_elem(&scratch, &slot);

		if (s && !__sync_val_compare_and_swap(&s->busy, 0, 1)) {
			*ret = slot;
			return true;
		}
	}
	count(SCRY_COUNT_BUSY);
	return false;
}

static __always_inline void slot_give(struct scry_scratch *s)
{
	__sync_lock_test_and_set(&s->busy, 0);
}

#endif
