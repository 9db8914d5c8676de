/* SPDX-License-Identifier: GPL-2.0-only */
/* The walk of C frames as the kernel runs it, with its tables in this process instead of in maps. */
#ifndef TESTS_NATIVE_HOST_H
#define TESTS_NATIVE_HOST_H

#include <stdlib.h>
#include <string.h>

#include "profiler/procmap.h"
#include "runtimes/host.h"
#include "runtimes/native/binaries.h"

#define HOST_PAGES  (16 * 1024)
#define HOST_BLOCKS (4 * 1024)

static struct native_space host_space;
static struct native_part host_parts[NATIVE_SPACE_PARTS];
static struct native_page host_pages[HOST_PAGES];
static struct native_block *host_blocks[HOST_BLOCKS];
static struct native_rule host_rules[NATIVE_RULES];
static struct native_binaries *host_binaries;

static const struct native_space *walk_space(__u32 index)
{
	return index ? NULL : &host_space;
}

static const struct native_part *walk_part(__u32 index)
{
	return index < NATIVE_SPACE_PARTS ? &host_parts[index] : NULL;
}

static const struct native_page *walk_page(__u32 index)
{
	return index < HOST_PAGES ? &host_pages[index] : NULL;
}

static const struct native_block *walk_block(__u32 index)
{
	return index < HOST_BLOCKS ? host_blocks[index] : NULL;
}

static const struct native_rule *walk_rule(__u32 number)
{
	return number < NATIVE_RULES ? &host_rules[number] : NULL;
}

#include "runtimes/native/walk.h"

static struct scry_scratch host_scratch; /* a whole type only from here on */

static int host_put_block(void *ctx, __u32 index, const struct native_block *block)
{
	(void)ctx;
	if (index >= HOST_BLOCKS)
		return -1;
	host_blocks[index] = host_blocks[index] ?: malloc(sizeof(*block));
	*host_blocks[index] = *block;
	return 0;
}

static int host_put_page(void *ctx, __u32 index, const struct native_page *page)
{
	(void)ctx;
	if (index >= HOST_PAGES)
		return -1;
	host_pages[index] = *page;
	return 0;
}

static int host_put_rule(void *ctx, __u32 number, const struct native_rule *rule)
{
	(void)ctx;
	host_rules[number] = *rule;
	return 0;
}

static inline int host_open(void)
{
	static const struct native_tables_ops ops = { host_put_block, host_put_page, host_put_rule };

	return native_binaries_create(&ops, NULL, false, &host_binaries);
}

static inline void host_close(void)
{
	native_binaries_destroy(host_binaries);
	for (int i = 0; i < HOST_BLOCKS; i++) {
		free(host_blocks[i]);
		host_blocks[i] = NULL;
	}
}

/* Have the mappings of a process, as profiler/spaces.c does. 0 or -errno. */
static inline int host_look(pid_t pid)
{
	struct procmaps maps;
	size_t n = 0;
	int err = procmaps_read_code(pid, &maps);

	for (int i = 0; i < NATIVE_SPACE_PARTS; i++) {
		host_space.from[i] = NATIVE_NOWHERE;
		host_space.part[i] = i;
		for (int k = 0; k < NATIVE_PART; k++)
			host_parts[i].mapping[k] = (struct native_mapping){ .start = NATIVE_NOWHERE };
	}
	for (size_t i = 0; !err && i < maps.count && n < NATIVE_MAPPINGS; i++) {
		if (maps.maps[i].start >= NATIVE_NOWHERE)
			continue;
		native_binaries_map(host_binaries, pid, &maps.maps[i], &host_parts[n / NATIVE_PART].mapping[n % NATIVE_PART]);
		if (!(n % NATIVE_PART))
			host_space.from[n / NATIVE_PART] = maps.maps[i].start;
		n++;
	}
	if (!err)
		procmaps_deinit(&maps);
	return err;
}

/* Where the frames' callers go on, as the walk has it: rsp and rip of each. */
static __u64 host_sp[SCRY_MAX_NATIVE], host_pc[SCRY_MAX_NATIVE];
static int host_kept; /* frame whose CFA is in a register that the innermost function must have kept; -1: none */

static inline bool host_leave(__u32 number)
{
	struct native_walk *n = &host_scratch.native;
	const struct native_rule *rule = n->map.pages ? walk_rule(number) : NULL;
	__u32 at = n->count - 1;

	if (rule && !n->inner && rule->kind == NATIVE_RULE_REGISTER && rule->reg != NATIVE_RSP && rule->reg != NATIVE_RBP &&
	    rule->reg != NATIVE_RBX)
		host_kept = at;
	if (native_leave(&host_scratch, number))
		return true;
	host_sp[at] = n->sp;
	host_pc[at] = n->pc;
	return false;
}

/* From the registers in *from on; the frames are in host_scratch.frames, how it ended in host_scratch.native.error. */
static inline void host_walk(const struct native_walk *from)
{
	struct native_walk *n = &host_scratch.native;

	*n = *from;
	n->inner = 1;
	host_kept = -1;
	while (native_enter(&host_scratch)) {
		__u32 number = NATIVE_RULE_NONE;

		if (native_rows_of(n)) {
			native_find_block(n);
			number = native_rule_number(n);
		}
		if (host_leave(number))
			break;
	}
}

/* The run-time address that a frame stands for. */
static inline __u64 host_address(const struct scry_frame *frame)
{
	if (frame->code >> SCRY_FRAME_SHIFT == SCRY_FRAME_ADDRESS)
		return (__u64)(frame->code & SCRY_FRAME_LOW) << 32 | (__u32)frame->at;
	for (int i = 0; i < NATIVE_SPACE_PARTS; i++)
		for (int k = 0; k < NATIVE_PART; k++) {
			const struct native_mapping *map = &host_parts[i].mapping[k];
			__u64 address = map->bias + (__u32)frame->at;

			if (map->start < NATIVE_NOWHERE && map->binary == (frame->code & SCRY_FRAME_LOW) &&
			    address - map->start < map->end - map->start)
				return address;
		}
	return 0;
}

#endif
