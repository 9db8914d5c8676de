/* SPDX-License-Identifier: GPL-2.0-only */
/* Durations in the buckets of bpf/hist.h: what they tell, and how they look. A zeroed histogram is an empty one. */
#ifndef SCRY_HISTOGRAM_H
#define SCRY_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#include "../bpf/hist.h"

struct histogram {
	uint64_t counts[SCRY_HIST_BUCKETS];
	uint64_t all;
};

void histogram_add(struct histogram *histogram, uint64_t ns);
void histogram_add_buckets(struct histogram *histogram, const uint32_t buckets[SCRY_HIST_BUCKETS]);
void histogram_merge(struct histogram *histogram, const struct histogram *other);

/*
 * The duration that `share` (0 to 1) of all do not exceed: the middle of its bucket, so at most 1/16 off, and never more than
 * max, the longest there was. 0: there are none.
 */
uint64_t histogram_quantile(const struct histogram *histogram, double share, uint64_t max);

/* One line for each power of two from the first that has any to the last, with a bar of at most `cells`. */
void histogram_print(const struct histogram *histogram, FILE *to, unsigned cells);

#endif
