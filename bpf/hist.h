/* SPDX-License-Identifier: GPL-2.0-only */
/* Buckets of durations, counted by BPF and read by user space: 8 for each power of two, so a bucket is at most 1/8 wide. */
#ifndef SCRY_HIST_H
#define SCRY_HIST_H

#include "wire.h"

#define HIST_INLINE static inline __attribute__((always_inline))

/* The bucket of a duration: the power of two, then its next three bits. Below 8 ns each has its own; beyond 73 minutes the last. */
HIST_INLINE __u32 hist_bucket(__u64 ns)
{
	__u64 n = ns >> 3;
	__u32 power = 0, bucket;

	if (ns < 8)
		return ns;
	for (__u32 half = 32; half; half /= 2)
		if (n >> half) {
			n >>= half;
			power += half;
		}
	bucket = (power + 1) * 8 + (ns >> power & 7);
	return bucket < SCRY_HIST_BUCKETS ? bucket : SCRY_HIST_BUCKETS - 1;
}

/* The least duration in a bucket, and how many different ones it holds. */
HIST_INLINE __u64 hist_least(__u32 bucket)
{
	return bucket < 8 ? bucket : (__u64)(8 + (bucket & 7)) << (bucket / 8 - 1);
}

HIST_INLINE __u64 hist_width(__u32 bucket)
{
	return bucket < 8 ? 1 : 1ULL << (bucket / 8 - 1);
}

#endif
