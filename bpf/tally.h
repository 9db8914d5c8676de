/* SPDX-License-Identifier: GPL-2.0-only */
/* The statistics of calls: profiler/tally.h reads them, and takes back the room of those that are not wanted. */
#ifndef SCRY_BPF_TALLY_H
#define SCRY_BPF_TALLY_H

#include "calls.h"

/* Of call_stats: those from 1 on were taken at some time. */
extern __u32 stats_used;

static __always_inline struct scry_call_stat *stat_at(__u32 index)
{
	return index == SCRY_NO_STAT ? 0 : bpf_map_lookup_elem(&call_stats, &index);
}

/* own = total - callees. The adding of most calls takes three locked instructions. */
static __always_inline void stat_put(struct scry_call_stat *stat, bool resumed, bool failed, __u64 total, __u64 callees)
{
	__u32 bucket = hist_bucket(total);

	if (!resumed)
		__sync_fetch_and_add(&stat->calls, 1);
	__sync_fetch_and_add(&stat->total_ns, total);
	if (callees)
		__sync_fetch_and_add(&stat->callees_ns, callees);
	if (failed)
		__sync_fetch_and_add(&stat->errors, 1);
	if (total > stat->max_ns) /* two threads of a free-threaded process may race: the larger may be lost, never invented */
		stat->max_ns = total;
	if (bucket < SCRY_HIST_BUCKETS)
		__sync_fetch_and_add(&stat->hist[bucket], 1);
}

/* Its statistics; NULL: it has none, or they are another's by now, its function being left out. */
static __always_inline struct scry_call_stat *stat_of_call(const struct scry_call *call)
{
	struct scry_call_stat *stat = stat_at(call->stat);

	return stat && stat->code == call->code ? stat : 0;
}

#endif
