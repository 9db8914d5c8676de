// SPDX-License-Identifier: GPL-2.0-only
#include "spaces.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../runtimes/native/symbols.h"
#include "../runtimes/runtime.h"
#include "../bpf/config.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/table.h"
#include "expect.h"
#include "loop.h"
#include "mmaps.h"
#include "proc.h"
#include "procmap.h"
#include "scry.skel.h"

#define FEW_SPACES  64
#define MANY_SPACES 4096
#define PARTS_EACH  4	 /* of a process, on average: 128 mappings */
#define REST_NS	    100000000ull /* before a space is used again: a walk may still be in it */
#define MAX_TRIES   3
#define MAX_EXPECTED 32 /* libraries of a file that are looked at beforehand */

/* Several processes may have one, after a fork. */
struct space {
	uint32_t users;
	uint64_t stack; /* native_proc.stack */
	uint32_t parts;
	uint32_t part[NATIVE_SPACE_PARTS];
	uint64_t freed; /* ns; of one that is not used */
};

struct process {
	pid_t pid;
	uint32_t space; /* index + 1; 0: none */
	bool fresh;	/* has mapped memory since it was looked at */
	bool told;	/* its interpreter is known to the binaries */
};

struct spaces {
	struct scry_bpf *skel;
	struct native_binaries *binaries;
	struct mmaps *mmaps;
	struct space *spaces;
	uint32_t space_count, part_count;
	bool *part_used;
	struct table by_pid; /* pid -> index in processes */
	struct process *processes;
	size_t processes_room;
	bool any_fresh;
	int segment[NATIVE_SEGMENTS]; /* descriptors, -1: not made yet */
	uint64_t build_ns, refused;
};

void spaces_size_maps(struct scry_bpf *skel, bool deep, bool many)
{
	uint32_t spaces = many ? MANY_SPACES : FEW_SPACES;
	struct bpf_map *map;

	bpf_object__for_each_map(map, skel->obj)
		if (!strncmp(bpf_map__name(map), "native_", 7))
			bpf_map__set_autocreate(map, deep);
	bpf_map__set_max_entries(skel->maps.native_spaces, spaces);
	bpf_map__set_max_entries(skel->maps.native_parts, spaces * PARTS_EACH);
}

/* A map of rows, when the first block is to go there. */
static int make_segment(struct spaces *s, __u32 segment)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "native_segment", sizeof(__u32), sizeof(struct native_block),
				NATIVE_SEGMENT, NULL);
	int err;

	if (fd < 0)
		return fd;
	err = bpf_map_update_elem(bpf_map__fd(s->skel->maps.native_rows), &segment, &fd, BPF_ANY);
	if (err) {
		close(fd);
		return err;
	}
	s->segment[segment] = fd;
	return 0;
}

static int put_block(void *ctx, __u32 index, const struct native_block *block)
{
	struct spaces *s = ctx;
	__u32 segment = index / NATIVE_SEGMENT, in = index % NATIVE_SEGMENT;
	int err = 0;

	if (segment >= NATIVE_SEGMENTS)
		return -ENOSPC;
	if (s->segment[segment] < 0)
		err = make_segment(s, segment);
	return err ?: bpf_map_update_elem(s->segment[segment], &in, block, BPF_ANY);
}

static int put_page(void *ctx, __u32 index, const struct native_page *page)
{
	struct spaces *s = ctx;

	return bpf_map__update_elem(s->skel->maps.native_pages, &index, sizeof(index), page, sizeof(*page), BPF_ANY);
}

static int put_rule(void *ctx, __u32 number, const struct native_rule *rule)
{
	struct spaces *s = ctx;

	return bpf_map__update_elem(s->skel->maps.native_rules, &number, sizeof(number), rule, sizeof(*rule), BPF_ANY);
}

int spaces_create(struct scry_bpf *skel, int cpus, int epoll, bool inlined, struct spaces **ret)
{
	static const struct native_tables_ops ops = { put_block, put_page, put_rule };
	struct spaces *s = calloc(1, sizeof(*s));

	if (!s)
		return fail(-ENOMEM, "out of memory");
	s->skel = skel;
	for (int i = 0; i < NATIVE_SEGMENTS; i++)
		s->segment[i] = -1;
	s->space_count = bpf_map__max_entries(skel->maps.native_spaces);
	s->part_count = bpf_map__max_entries(skel->maps.native_parts);
	s->spaces = calloc(s->space_count, sizeof(*s->spaces));
	s->part_used = calloc(s->part_count, sizeof(*s->part_used));
	if (!s->spaces || !s->part_used || native_binaries_create(&ops, s, inlined, &s->binaries)) {
		spaces_destroy(s);
		return fail(-ENOMEM, "out of memory");
	}
	mmaps_open(cpus, epoll, &s->mmaps);
	*ret = s;
	return 0;
}

void spaces_destroy(struct spaces *s)
{
	if (!s)
		return;
	mmaps_close(s->mmaps);
	native_binaries_destroy(s->binaries);
	for (int i = 0; i < NATIVE_SEGMENTS; i++)
		if (s->segment[i] >= 0)
			close(s->segment[i]);
	table_deinit(&s->by_pid);
	free(s->processes);
	free(s->spaces);
	free(s->part_used);
	free(s);
}

/* Of a process that is followed, or NULL. */
static struct process *process_find(const struct spaces *s, pid_t pid)
{
	uint32_t index = table_find(&s->by_pid, (uint64_t)pid, 0);

	return index ? &s->processes[index] : NULL;
}

static struct process *process_make(struct spaces *s, pid_t pid)
{
	uint32_t index = table_put(&s->by_pid, (uint64_t)pid, 0);

	if (!index || !array_reserve(&s->processes, &s->processes_room, index + 1, sizeof(*s->processes)))
		return NULL;
	s->processes[index].pid = pid;
	return &s->processes[index];
}

/* A space that nobody has had for a while; NULL: there is none. */
static struct space *space_take(struct spaces *s)
{
	uint64_t now = loop_now();

	for (uint32_t i = 0; i < s->space_count; i++) {
		struct space *space = &s->spaces[i];

		if (space->users || (space->freed && now - space->freed < REST_NS))
			continue;
		for (uint32_t part = 0; part < space->parts; part++)
			s->part_used[space->part[part]] = false;
		*space = (struct space){ .users = 1 };
		return space;
	}
	return NULL;
}

static void space_drop(struct spaces *s, uint32_t number)
{
	if (number && !--s->spaces[number - 1].users)
		s->spaces[number - 1].freed = loop_now();
}

static bool part_take(struct spaces *s, struct space *space)
{
	for (uint32_t i = 0; i < s->part_count; i++)
		if (!s->part_used[i]) {
			s->part_used[i] = true;
			space->part[space->parts++] = i;
			return true;
		}
	return false;
}

/* Put the mappings, which are sorted, into parts and the parts into the space. */
static int space_fill(struct spaces *s, struct space *space, const struct native_mapping *maps, size_t count)
{
	__u32 index = space - s->spaces;
	struct native_space wire = { 0 };
	int err = 0;

	for (int i = 0; i < NATIVE_SPACE_PARTS; i++)
		wire.from[i] = NATIVE_NOWHERE;
	for (size_t at = 0; at < count && !err; at += NATIVE_PART) {
		struct native_part part = { 0 };
		__u32 number;

		if (space->parts == NATIVE_SPACE_PARTS || !part_take(s, space))
			return -ENOSPC;
		for (size_t i = 0; i < NATIVE_PART; i++)
			part.mapping[i] = at + i < count ? maps[at + i] : (struct native_mapping){ .start = NATIVE_NOWHERE };
		number = space->part[space->parts - 1];
		wire.from[space->parts - 1] = maps[at].start;
		wire.part[space->parts - 1] = number;
		err = bpf_map__update_elem(s->skel->maps.native_parts, &number, sizeof(number), &part, sizeof(part), BPF_ANY);
	}
	return err ?: bpf_map__update_elem(s->skel->maps.native_spaces, &index, sizeof(index), &wire, sizeof(wire), BPF_ANY);
}

/* Which of the binaries is the interpreter that the process runs? The one that lies where the interpreter does. */
static void tell_runtime(struct spaces *s, struct process *process, const struct procmaps *code,
			 const struct native_mapping *maps)
{
	const struct runtime_binary *runtime;
	__u32 number = process->pid;
	struct scry_proc proc;

	process->told = false;
	if (bpf_map__lookup_elem(s->skel->maps.procs, &number, sizeof(number), &proc, sizeof(proc), 0))
		return;
	process->told = true;
	runtime = runtime_binary_at(proc.binary);
	for (size_t i = 0; i < code->count && runtime; i++)
		if (maps[i].binary && maps[i].bias == proc.bias)
			native_binaries_tell(s->binaries, process->pid, &code->maps[i], maps[i].binary, runtime);
}

static void enter(struct spaces *s, struct process *process, struct space *space)
{
	struct native_proc proc = { .stack = space->stack, .space = space - s->spaces };
	__u32 number = process->pid, before = process->space;

	process->space = proc.space + 1;
	bpf_map__update_elem(s->skel->maps.native_procs, &number, sizeof(number), &proc, sizeof(proc), BPF_ANY);
	space_drop(s, before);
}

static int look_once(struct spaces *s, pid_t pid)
{
	struct proc_life life, now;
	struct native_mapping *maps = NULL;
	struct process *process;
	struct procmaps code;
	struct space *space;
	int err;

	if (!proc_life(pid, &life) || !life.start_stack || procmaps_read_code(pid, &code))
		return 0;
	while (code.count && code.maps[code.count - 1].start >= NATIVE_NOWHERE) /* the kernel's own page, vsyscall */
		free(code.maps[--code.count].path);
	maps = calloc(code.count + 1, sizeof(*maps));
	for (size_t i = 0; maps && i < code.count; i++)
		native_binaries_map(s->binaries, pid, &code.maps[i], &maps[i]);
	err = proc_life(pid, &now) && now.start_stack == life.start_stack ? 0 : -EAGAIN;
	process = maps && !err ? process_make(s, pid) : NULL;
	space = process ? space_take(s) : NULL;
	if (space) {
		space->stack = life.start_stack;
		if (space_fill(s, space, maps, code.count < NATIVE_MAPPINGS ? code.count : NATIVE_MAPPINGS)) {
			space_drop(s, space - s->spaces + 1);
			s->refused++;
		} else {
			enter(s, process, space);
		}
		tell_runtime(s, process, &code, maps);
		process->fresh = false;
	} else if (process) {
		s->refused++;
	}
	procmaps_deinit(&code);
	free(maps);
	return err;
}

void spaces_follow(struct spaces *s, pid_t pid)
{
	uint64_t start = loop_now();

	for (int i = 0; i < MAX_TRIES && look_once(s, pid) == -EAGAIN; i++)
		;
	s->build_ns += loop_now() - start;
}

/* expect_library() asks of each library that a file needs, in turn. */
static __thread int libraries_left;

static bool is_next_library(const char *name)
{
	(void)name;
	return !libraries_left--;
}

static void expect_libraries(struct spaces *s, const char *file, int depth)
{
	for (int i = 0; i < MAX_EXPECTED && depth; i++) {
		libraries_left = i;
		_cleanup_free_ char *library = expect_library("", file, is_next_library);

		if (!library)
			return;
		native_binaries_expect(s->binaries, library);
		expect_libraries(s, library, depth - 1);
	}
}

void spaces_expect(struct spaces *s, const char *program)
{
	uint64_t start = loop_now();

	native_binaries_expect(s->binaries, program);
	expect_libraries(s, program, 2); /* its own, and what the interpreter's library needs */
	s->build_ns += loop_now() - start;
}

/* A sample of interpreted frames has come: the interpreter may have been found by the programs since its memory was looked at. */
static void sampled(struct spaces *s, pid_t pid)
{
	struct process *process = process_find(s, pid);

	if (!process || !process->space || process->told)
		return;
	spaces_follow(s, pid);
	process_find(s, pid)->told = true; /* or it is never to be */
}

static void forked(struct spaces *s, pid_t child, pid_t parent)
{
	const struct process *from = process_find(s, parent);
	uint32_t number = from ? from->space : 0;
	struct process *to = number ? process_make(s, child) : NULL;

	if (!to)
		return;
	s->spaces[number - 1].users++;
	to->told = true;
	enter(s, to, &s->spaces[number - 1]);
}

static void forget(struct spaces *s, pid_t pid)
{
	struct process *process = process_find(s, pid);
	__u32 number = pid;

	bpf_map__delete_elem(s->skel->maps.native_procs, &number, sizeof(number), 0);
	if (!process)
		return;
	space_drop(s, process->space);
	process->space = 0;
	process->fresh = false;
}

void spaces_take(struct spaces *s, const struct scry_record *record, size_t size)
{
	switch (record->kind) {
	case SCRY_RECORD_SAMPLE:
	case SCRY_RECORD_STACK:
		if (size >= sizeof(struct scry_sample) && ((const struct scry_sample *)record)->count)
			sampled(s, record->pid);
		break;
	case SCRY_RECORD_ASK_MAP:
		spaces_follow(s, record->pid);
		break;
	case SCRY_RECORD_FORK:
		if (size >= sizeof(struct scry_process))
			forked(s, record->pid, ((const struct scry_process *)record)->parent);
		break;
	case SCRY_RECORD_EXEC:
		forget(s, record->pid);
		spaces_follow(s, record->pid);
		break;
	case SCRY_RECORD_EXIT:
		forget(s, record->pid);
		break;
	}
}

static void freshen(struct spaces *s, struct process *process)
{
	if (process && process->space)
		process->fresh = s->any_fresh = true;
}

static void mapped(void *ctx, pid_t pid)
{
	struct spaces *s = ctx;

	if (pid)
		freshen(s, process_find(s, pid));
	for (uint32_t i = 1; !pid && i <= s->by_pid.count; i++)
		freshen(s, &s->processes[i]);
}

void spaces_poll(struct spaces *s)
{
	if (s->mmaps)
		mmaps_read(s->mmaps, mapped, s);
	if (!s->any_fresh)
		return;
	s->any_fresh = false;
	for (uint32_t i = 1; i <= s->by_pid.count; i++)
		if (s->processes[i].fresh) {
			s->processes[i].fresh = false;
			spaces_follow(s, s->processes[i].pid);
		}
}

struct native_binaries *spaces_binaries(const struct spaces *s)
{
	return s->binaries;
}

void spaces_print_stats(const struct spaces *s, FILE *to)
{
	struct native_tables_size size = native_tables_size(native_binaries_tables(s->binaries));
	struct native_symbols_cost symbols = native_symbols_cost();
	unsigned segments = 0;

	for (int i = 0; i < NATIVE_SEGMENTS; i++)
		segments += s->segment[i] >= 0;
	fprintf(to, "scry: unwind tables of %u binaries: %zu rows, %zu rules, %zu pages; %.1f MB of rows; %.1f ms to make\n",
		native_binaries_count(s->binaries), size.rows, size.rules, size.pages,
		(double)segments * NATIVE_SEGMENT * sizeof(struct native_block) / 1e6, (double)s->build_ns / 1e6);
	fprintf(to, "scry: symbols of %u binaries read: %.1f MB; %.1f ms to read\n", symbols.binaries, (double)symbols.bytes / 1e6,
		(double)symbols.ns / 1e6);
	if (s->refused)
		fprintf(to, "scry: unwind tables: no room for %llu lists of mappings\n", (unsigned long long)s->refused);
}
