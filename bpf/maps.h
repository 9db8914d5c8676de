/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps, shared by all programs. Declared weak so that every object may include this file and the linker keeps
 * one of each. Sizes marked "set at load" are set by profiler/session.c.
 */
#ifndef SCRY_MAPS_H
#define SCRY_MAPS_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "config.h"
#include "walk.h"

#include "../runtimes/python/layout.h"
#include "../runtimes/walk.h"

#define MAX_PROCS    16384
#define MAX_CODES    (128 * 1024)
#define CODE_SLOTS   2048 /* power of two */

/* Records to user space. Size set at load. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} events SEC(".maps") __weak;

/* Processes to follow, by pid: the binaries that have probes in them, as bits. Not used with config.all. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PROCS);
	__type(key, __u32);
	__type(value, __u64);
} targets SEC(".maps") __weak;

/* Threads to follow, with config.tids. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} tids SEC(".maps") __weak;

/* Followed processes whose interpreter is known, by pid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_PROCS);
	__type(key, __u32);
	__type(value, struct scry_proc);
} procs SEC(".maps") __weak;

/* What an executable is, by inode. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct scry_exe_key);
	__type(value, struct scry_exe);
} exes SEC(".maps") __weak;

/* When user space may be asked about a process again. */
struct scry_asked {
	__u64 next; /* ns */
	__u64 wait; /* ns, doubles with each question */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_PROCS);
	__type(key, __u32);
	__type(value, struct scry_asked);
} asked SEC(".maps") __weak;

/* Python interpreter binaries, by scry_proc.binary. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_BINARIES);
	__type(key, __u32);
	__type(value, struct scry_python);
} pythons SEC(".maps") __weak;

/*
 * Code objects user space has been told of. An entry is forgotten when its object dies (code_dealloc), so an
 * address that is used again is a new code object with a new id.
 */
struct scry_code_key {
	__u64 address;
	__u32 instance;
	__u32 pad;
};
struct scry_code_known {
	__u32 id;
	__s32 first; /* struct scry_here.first */
	__u32 generator; /* struct scry_here.generator */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_CODES);
	__type(key, struct scry_code_key);
	__type(value, struct scry_code_known);
} codes SEC(".maps") __weak;

/*
 * A small direct-mapped cache of `codes` for each CPU: nearly every frame of a sample was in an earlier one, and this
 * costs one memory access where a hash look-up costs as much as reading the frame. A slot is valid for one life of a
 * process and one generation of its code objects.
 */
struct scry_code_slot {
	__u64 address;
	__u32 instance;
	__u32 generation;
	struct scry_code_known known;
};
struct scry_code_cache {
	struct scry_code_slot slot[CODE_SLOTS];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CPUs, set at load */
	__type(key, __u32);
	__type(value, struct scry_code_cache);
} code_cache SEC(".maps") __weak;

/* A number that grows whenever a code object of the process dies. Of a few processes together: then caches are invalid too often. */
#define GENERATIONS 1024
extern __u32 generations[GENERATIONS];

static __always_inline __u32 *generation_of(__u32 instance)
{
	return &generations[instance & (GENERATIONS - 1)];
}

/* Room to build records in, one for each CPU: a sample is built by one program at a time on a CPU. An array indexed by
 * CPU, since values of per-CPU maps are limited to 32 kB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* CPUs, set at load */
	__type(key, __u32);
	__type(value, struct scry_scratch);
} scratch SEC(".maps") __weak;

/* Counters, summed by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRY_COUNT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps") __weak;

static __always_inline void count(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &which);

	if (n)
		(*n)++;
}

static __always_inline struct scry_scratch *scratch_at(__u32 slot)
{
	return bpf_map_lookup_elem(&scratch, &slot);
}

/*
 * Hand a record over without waking the reader, who comes by a timer; only a filling ring buffer wakes it. On a
 * virtual machine a wakeup costs several times what a sample does.
 */
static __always_inline long emit(void *record, __u64 size)
{
	__u64 flags = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > config.wake_bytes ? BPF_RB_FORCE_WAKEUP
											 : BPF_RB_NO_WAKEUP;

	return bpf_ringbuf_output(&events, record, size, flags);
}

#endif
