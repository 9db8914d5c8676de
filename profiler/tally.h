/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The statistics of calls as the kernel's programs keep them, by code object. There is room for MAX_FUNCTIONS; a code object gets its
 * when it is called first, before its name is known. Where it turns out not to be wanted, the room is taken back.
 */
#ifndef SCRY_TALLY_H
#define SCRY_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/wire.h"

struct scry_bpf;

struct tally_dropped {
	uint32_t code;
	uint64_t at; /* CLOCK_MONOTONIC, ns */
};

struct tally {
	struct scry_bpf *skel;
	struct tally_dropped *dropped; /* in the order they were */
	size_t first, count, room;
};

/* Before loading. cpus: possible ones; 0: no statistics will be kept. */
void tally_size_maps(struct scry_bpf *skel, int cpus);

void tally_init(struct tally *tally, struct scry_bpf *skel);
void tally_deinit(struct tally *tally);

/* The programs have been told that calls of this code object are not wanted. */
void tally_drop(struct tally *tally, uint32_t code);

/* Now and then: take back what no program uses any more. */
void tally_poll(struct tally *tally);

void tally_each(const struct tally *tally, void (*add)(void *ctx, const struct scry_call_stat *stat), void *ctx);

#endif
