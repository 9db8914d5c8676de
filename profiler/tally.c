// SPDX-License-Identifier: GPL-2.0-only
#include "tally.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <time.h>

#include "../bpf/config.h"
#include "base/array.h"
#include "scry.skel.h"

/* A program that read a verdict before it was given has ended by then. */
#define GRACE_NS 200000000u

void tally_size_maps(struct scry_bpf *skel, int cpus)
{
	__u32 functions = cpus ? MAX_FUNCTIONS : 1;

	bpf_map__set_max_entries(skel->maps.call_stats, functions);
	bpf_map__set_max_entries(skel->maps.stat_of_code, functions);
	bpf_map__set_max_entries(skel->maps.stats_free, functions);
	bpf_map__set_max_entries(skel->maps.plain_codes, cpus ?: 1);
}

void tally_init(struct tally *t, struct scry_bpf *skel)
{
	*t = (struct tally){ .skel = skel };
}

void tally_deinit(struct tally *t)
{
	free(t->dropped);
	*t = (struct tally){ 0 };
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void tally_drop(struct tally *t, uint32_t code)
{
	if (array_reserve(&t->dropped, &t->room, t->count + 1, sizeof(*t->dropped))) /* else its room stays taken */
		t->dropped[t->count++] = (struct tally_dropped){ code, now() };
}

static void take_back(const struct tally *t, __u32 code)
{
	const struct scry_call_stat nothing = { 0 };
	__u32 index;

	if (bpf_map__lookup_elem(t->skel->maps.stat_of_code, &code, sizeof(code), &index, sizeof(index), 0))
		return;
	bpf_map__delete_elem(t->skel->maps.stat_of_code, &code, sizeof(code), 0);
	bpf_map__update_elem(t->skel->maps.call_stats, &index, sizeof(index), &nothing, sizeof(nothing), BPF_ANY);
	bpf_map_update_elem(bpf_map__fd(t->skel->maps.stats_free), NULL, &index, BPF_ANY);
}

void tally_poll(struct tally *t)
{
	uint64_t until = t->first < t->count ? now() - GRACE_NS : 0;

	while (t->first < t->count && t->dropped[t->first].at < until)
		take_back(t, t->dropped[t->first++].code);
	if (t->first == t->count)
		t->first = t->count = 0;
}

void tally_each(const struct tally *t, void (*add)(void *ctx, const struct scry_call_stat *stat), void *ctx)
{
	__u32 used = *(volatile __u32 *)&t->skel->bss->stats_used;
	struct scry_call_stat stat;

	for (__u32 i = 1; i <= used && i < bpf_map__max_entries(t->skel->maps.call_stats); i++)
		if (!bpf_map__lookup_elem(t->skel->maps.call_stats, &i, sizeof(i), &stat, sizeof(stat), 0) && stat.code)
			add(ctx, &stat);
}
