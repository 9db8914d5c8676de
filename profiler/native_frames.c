// SPDX-License-Identifier: GPL-2.0-only
#include "native_frames.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../runtimes/native/kernel_symbols.h"
#include "../runtimes/native/perf_map.h"
#include "../runtimes/native/symbols.h"
#include "base/array.h"
#include "base/err.h"
#include "base/table.h"
#include "loop.h"

#define MAX_ROWS   (1u << 22)	/* kept at a time; then from the beginning */
#define RETRY_NS   100000000ull /* how often a process is asked for a perf map that it has not */
#define KERNEL	   (~0u)	/* as a binary's number */
#define MADE_FILE  "[jit]"
#define UNKNOWN	   "[unknown]"

struct row {
	uint32_t first, count; /* in frames */
};

/* A process whose code may be made at run time. */
struct maker {
	struct perf_map *map; /* NULL: has not been opened, or cannot be */
	uint64_t again;	      /* ns: not to be looked at before; 0: there is a file */
};

struct native_frames {
	struct capture_writer *capture;
	struct table places; /* (binary, address) -> index in rows */
	struct row *rows;
	size_t rows_room;
	uint32_t *frames;
	size_t count, room;
	struct table by_process; /* (pid, 0) -> index in makers */
	struct maker *makers;
	size_t makers_room;
	struct kernel_symbols *kernel;
	bool kernel_asked;
	uint32_t single; /* a row of one frame that is not kept */
};

int native_frames_create(struct capture_writer *capture, struct native_frames **ret)
{
	struct native_frames *f = calloc(1, sizeof(*f));

	if (!f)
		return fail(-ENOMEM, "out of memory");
	f->capture = capture;
	*ret = f;
	return 0;
}

void native_frames_destroy(struct native_frames *f)
{
	if (!f)
		return;
	for (uint32_t i = 1; i <= f->by_process.count && i < f->makers_room; i++)
		perf_map_close(f->makers[i].map);
	kernel_symbols_close(f->kernel);
	table_deinit(&f->places);
	table_deinit(&f->by_process);
	free(f->rows);
	free(f->frames);
	free(f->makers);
	free(f);
}

static uint32_t frame_put(struct native_frames *f, enum capture_kind kind, const char *name, const char *file, int line, int at)
{
	uint32_t function = capture_function(f->capture, kind, name, file, line);

	return function ? capture_frame(f->capture, function, at) : 0;
}

static void add_frame(struct native_frames *f, uint32_t frame)
{
	if (frame && array_reserve(&f->frames, &f->room, f->count + 1, sizeof(*f->frames)))
		f->frames[f->count++] = frame;
}

/* The row of a place, to be filled where it is new. NULL: no memory. */
static struct row *row_at(struct native_frames *f, uint32_t binary, uint64_t address, bool *fresh)
{
	uint32_t known, index;

	if (f->places.count >= MAX_ROWS) {
		table_clear(&f->places);
		f->count = 0;
	}
	known = f->places.count;
	index = table_put(&f->places, binary, address);
	if (!index || !array_reserve(&f->rows, &f->rows_room, index + 1, sizeof(*f->rows)))
		return NULL;
	*fresh = index > known;
	if (*fresh)
		f->rows[index].first = f->count;
	return &f->rows[index];
}

static struct native_row row_give(const struct native_frames *f, const struct row *row)
{
	return (struct native_row){ f->frames + row->first, row->count };
}

static void add_function(void *ctx, const struct native_function *function)
{
	struct native_frames *f = ctx;

	add_frame(f, frame_put(f, CAPTURE_NATIVE, function->name, function->file, function->line, function->at));
}

static void add_unnamed(struct native_frames *f, const char *path, uint64_t address)
{
	const char *slash = strrchr(path, '/');
	char name[320];

	snprintf(name, sizeof(name), "[%.255s+0x%llx]", slash ? slash + 1 : path, (unsigned long long)address);
	add_frame(f, frame_put(f, CAPTURE_NATIVE, name, path, 0, 0));
}

struct native_row native_frames_binary(struct native_frames *f, uint32_t binary, struct native_symbols *symbols,
				       const char *path, uint64_t address)
{
	bool fresh = false;
	struct row *row = row_at(f, binary, address, &fresh);

	if (!row)
		return (struct native_row){ 0 };
	if (fresh && symbols)
		native_symbols_find(symbols, address, add_function, f);
	else if (fresh)
		add_unnamed(f, path, address);
	if (fresh)
		row->count = f->count - row->first;
	return row_give(f, row);
}

static void ask_kernel(struct native_frames *f)
{
	if (!f->kernel_asked && kernel_symbols_open(&f->kernel))
		f->kernel = NULL;
	f->kernel_asked = true;
}

bool native_frames_is_probe(struct native_frames *f, uint64_t address)
{
	/* kernel/trace/bpf_trace.c, include/linux/tracepoint.h; a program's own name is made by bpf_get_prog_name(). */
	static const char *const beginnings[] = { "bpf_prog_", "bpf_trace_run", "__bpf_trace_", "__traceiter_" };
	const char *name;

	ask_kernel(f);
	name = f->kernel ? kernel_symbols_find(f->kernel, address).name : "";
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (!strncmp(name, beginnings[i], strlen(beginnings[i])))
			return true;
	return false;
}

struct native_row native_frames_kernel(struct native_frames *f, uint64_t address)
{
	bool fresh = false;
	struct row *row = row_at(f, KERNEL, address, &fresh);
	struct kernel_function function = { UNKNOWN, "[kernel]" };

	if (!row)
		return (struct native_row){ 0 };
	ask_kernel(f);
	if (fresh && f->kernel)
		function = kernel_symbols_find(f->kernel, address);
	if (fresh)
		add_frame(f, frame_put(f, CAPTURE_KERNEL, function.name, function.file, 0, 0));
	if (fresh)
		row->count = f->count - row->first;
	return row_give(f, row);
}

static struct maker *maker_of(struct native_frames *f, pid_t pid)
{
	uint32_t index = table_put(&f->by_process, pid, 0);

	if (!index || !array_reserve(&f->makers, &f->makers_room, index + 1, sizeof(*f->makers)))
		return NULL;
	return &f->makers[index];
}

/* A program that writes no map is not asked for it at each of its frames. */
static const char *made_name(struct maker *maker, pid_t pid, uint64_t address)
{
	uint64_t now = maker->again ? loop_now() : 0;
	const char *name;

	if (now < maker->again)
		return NULL;
	if (!maker->map && perf_map_open(pid, &maker->map))
		maker->map = NULL;
	name = maker->map ? perf_map_find(maker->map, address) : NULL;
	maker->again = maker->map && perf_map_generation(maker->map) ? 0 : loop_now() + RETRY_NS;
	return name;
}

struct native_row native_frames_made(struct native_frames *f, pid_t pid, uint64_t address)
{
	struct maker *maker = maker_of(f, pid);
	const char *name = maker ? made_name(maker, pid, address) : NULL;

	f->single = frame_put(f, CAPTURE_NATIVE, name ?: UNKNOWN, name ? MADE_FILE : "", 0, 0);
	return (struct native_row){ &f->single, !!f->single };
}

void native_frames_forget(struct native_frames *f, pid_t pid)
{
	uint32_t index = table_find(&f->by_process, pid, 0);

	if (!index || index >= f->makers_room)
		return;
	perf_map_close(f->makers[index].map);
	f->makers[index] = (struct maker){ 0 };
}
