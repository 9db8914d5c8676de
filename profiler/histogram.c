// SPDX-License-Identifier: GPL-2.0-only
#include "histogram.h"

#include "base/units.h"

#define OCTAVES (SCRY_HIST_BUCKETS / 8)

void histogram_add(struct histogram *h, uint64_t ns)
{
	h->counts[hist_bucket(ns)]++;
	h->all++;
}

void histogram_add_buckets(struct histogram *h, const uint32_t buckets[SCRY_HIST_BUCKETS])
{
	for (int i = 0; i < SCRY_HIST_BUCKETS; i++) {
		h->counts[i] += buckets[i];
		h->all += buckets[i];
	}
}

void histogram_merge(struct histogram *h, const struct histogram *other)
{
	for (int i = 0; i < SCRY_HIST_BUCKETS; i++)
		h->counts[i] += other->counts[i];
	h->all += other->all;
}

uint64_t histogram_quantile(const struct histogram *h, double share, uint64_t max)
{
	uint64_t rank = (uint64_t)((double)h->all * share), seen = 0, middle;

	if (rank && (double)rank == (double)h->all * share)
		rank--; /* the last of those that are not exceeded */
	for (uint32_t i = 0; i < SCRY_HIST_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen <= rank)
			continue;
		middle = hist_least(i) + hist_width(i) / 2;
		return middle < max ? middle : max;
	}
	return 0;
}

/* Buckets 0 to 7 are single nanoseconds; then each eight are a power of two. */
static uint64_t octave(const struct histogram *h, int i)
{
	uint64_t sum = 0;

	for (int bucket = 8 * i; bucket < 8 * (i + 1); bucket++)
		sum += h->counts[bucket];
	return sum;
}

void histogram_print(const struct histogram *h, FILE *to, unsigned cells)
{
	int first = 0, last = OCTAVES - 1;
	uint64_t most = 0;

	while (first < OCTAVES && !octave(h, first))
		first++;
	while (last > first && !octave(h, last))
		last--;
	for (int i = first; i <= last; i++)
		most = octave(h, i) > most ? octave(h, i) : most;
	for (int i = first; i <= last; i++) {
		uint64_t n = octave(h, i);
		/* What is there at all is seen. */
		unsigned bar = (unsigned)((double)n / (double)most * cells + 0.5) ?: n > 0;

		fprintf(to, "%s |", units_ns(hist_least((uint32_t)i * 8), 8).text);
		for (unsigned c = 0; c < cells; c++)
			putc(c < bar ? '@' : ' ', to);
		fprintf(to, "| %s\n", units_grouped(n, 0).text);
	}
}
