/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walkers' surroundings on the host: the code that runs in the kernel, compiled to read another process or, in a
 * test, an image of memory. Include this before a walker, and set walk_memory for the time of a walk.
 */
#ifndef SCRY_RUNTIMES_HOST_H
#define SCRY_RUNTIMES_HOST_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../profiler/remote.h"

/* Where a walk reads: from a process, or by a function of the user's. */
struct walk_memory {
	pid_t pid;
	int (*read)(void *ctx, void *dst, size_t size, __u64 address); /* 0: all of it was read; NULL: from pid */
	void *ctx;
};

/* A walker has no argument for it, since in the kernel there is nothing to choose. */
static __thread const struct walk_memory *walk_memory;

static inline long walk_read(void *dst, __u32 size, __u64 address)
{
	if (walk_memory->read)
		return walk_memory->read(walk_memory->ctx, dst, size, address);
	return remote_read(walk_memory->pid, address, dst, size);
}
#define walk_read walk_read

/* Another process's registers are only known when it is stopped. */
static inline bool walk_in_register(__u64 value)
{
	(void)value;
	return false;
}

/* Tests ask for it. */
static __thread bool walk_entries_wanted __attribute__((unused));
#define walk_counts_entries() walk_entries_wanted

#endif
