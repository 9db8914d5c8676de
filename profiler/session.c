// SPDX-License-Identifier: GPL-2.0-only
#include "session.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "follow.h"
#include "probes.h"
#include "session_config.h"
#include "spaces.h"
#include "../bpf/config.h"
#include "scry.skel.h"
#include "tally.h"
#include "waits.h"

#define POLL_RECORDS 65536 /* at a time, so that a program which makes them faster than they are read is not waited for */

struct session {
	struct scry_bpf *skel;
	struct follow *follow;
	struct spaces *spaces; /* NULL without native frames */
	struct ring_buffer *ring;
	struct session_options options;
	session_handler *handler;
	void *ctx;
	struct bpf_link **ticks; /* one for each CPU */
	int cpus, stats_fd;
	unsigned polled; /* records, this time */
	struct tally tally;
};

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (getenv("SCRY_DEBUG"))
		return vfprintf(stderr, format, args);
	return 0;
}

/* What the kernel refuses is nearly always a right or a setting: doctor tells which. */
static int refused(int err, const char *what)
{
	return fail(err, "%s: %s; 'scry doctor' tells what is missing", what, strerror(-err));
}

/* The programs' questions and news concern the session first, then the handler. */
static int on_record(void *ctx, void *data, size_t size)
{
	const struct scry_record *record = data;
	struct session *s = ctx;

	if (size < sizeof(*record))
		return 0;
	if (s->spaces)
		spaces_take(s->spaces, record, size); /* first: looking for an interpreter takes longer */
	switch (record->kind) {
	case SCRY_RECORD_ASK_MAP:
		return 0;
	case SCRY_RECORD_ASK:
		follow_process(s->follow, record->pid, true);
		return 0;
	case SCRY_RECORD_EXEC:
		if (size >= sizeof(struct scry_process))
			follow_exec(s->follow, (const struct scry_process *)record);
		break;
	case SCRY_RECORD_EXIT:
		follow_forget(s->follow, record->pid);
		break;
	}
	s->handler(s->ctx, record, size);
	return ++s->polled < POLL_RECORDS ? 0 : -EINTR;
}

static int load(struct session *s)
{
	int err;

	libbpf_set_print(print_libbpf);
	s->skel = scry_bpf__open();
	if (!s->skel)
		return fail(-errno, "open BPF programs:");
	err = session_configure(s->skel, &s->options, s->cpus);
	if (err)
		return err;
	session_size_maps(s->skel, &s->options, s->cpus);
	err = scry_bpf__load(s->skel);
	if (err)
		return refused(err, "load BPF programs");
	tally_init(&s->tally, s->skel);
	return 0;
}

static int attach_process_events(struct session *s)
{
	s->skel->links.process_fork = bpf_program__attach(s->skel->progs.process_fork);
	s->skel->links.process_exec = bpf_program__attach(s->skel->progs.process_exec);
	s->skel->links.process_exit = bpf_program__attach(s->skel->progs.process_exit);
	if (!s->skel->links.process_fork || !s->skel->links.process_exec || !s->skel->links.process_exit)
		return refused(-errno, "attach to process events");
	return 0;
}

static int set_tids(struct session *s)
{
	for (size_t i = 0; i < s->options.tid_count; i++) {
		__u32 tid = s->options.tids[i];
		__u8 yes = 1;
		int err = bpf_map__update_elem(s->skel->maps.tids, &tid, sizeof(tid), &yes, sizeof(yes), BPF_ANY);

		if (err)
			return fail(err, "filter threads:");
	}
	return 0;
}

int session_open(const struct session_options *options, session_handler *handler, void *ctx, struct session **ret)
{
	struct session *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return fail(-ENOMEM, "out of memory");
	s->options = *options;
	s->handler = handler;
	s->ctx = ctx;
	s->stats_fd = -1;
	s->cpus = libbpf_num_possible_cpus();
	err = s->cpus > 0 ? load(s) : fail(s->cpus, "count CPUs:");
	if (!err)
		err = follow_create(s->skel, &s->options, &s->follow);
	if (!err)
		err = set_tids(s);
	if (!err)
		err = attach_process_events(s);
	if (!err && options->waits)
		err = waits_attach(s->skel);
	if (!err && options->waits && (options->all || options->cgroup)) /* those that do not run must be known before */
		follow_all(s->follow);
	if (!err) {
		s->ring = ring_buffer__new(bpf_map__fd(s->skel->maps.events), on_record, s, NULL);
		err = s->ring ? 0 : fail(-errno, "read BPF ring buffer:");
	}
	if (!err && options->native)
		err = spaces_create(s->skel, s->cpus, ring_buffer__epoll_fd(s->ring), options->inlined,
				    &s->spaces);
	if (!err && options->stats)
		s->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (err) {
		session_close(s);
		return err;
	}
	*ret = s;
	return 0;
}

void session_close(struct session *s)
{
	if (!s)
		return;
	session_stop(s);
	follow_destroy(s->follow);
	spaces_destroy(s->spaces);
	ring_buffer__free(s->ring);
	tally_deinit(&s->tally);
	scry_bpf__destroy(s->skel);
	if (s->stats_fd >= 0)
		close(s->stats_fd);
	free(s);
}

/* Has the process ended? A pidfd becomes readable then, be it waited for or not. */
static bool has_ended(int pidfd)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	return pidfd >= 0 && poll(&end, 1, 0) > 0;
}

int session_follow(struct session *s, pid_t pid, bool required)
{
	_cleanup_fd_ int pidfd = syscall(SYS_pidfd_open, pid, 0);
	__u32 number = pid;
	int err = pidfd < 0 && errno == ESRCH ? -ESRCH : follow_process(s->follow, pid, false);

	if (err == -ENOENT && has_ended(pidfd)) /* a zombie has no interpreter left */
		err = -ESRCH;
	if (err == -ENOENT && !required)
		err = 0;
	if (err)
		return err;
	err = follow_target(s->follow, pid);
	if (err)
		return fail(err, "follow process %d:", pid);
	if (s->spaces)
		spaces_follow(s->spaces, pid);
	/* From here on the programs take it out when it ends; before, they did not know it. */
	if (!has_ended(pidfd))
		return 0;
	bpf_map__delete_elem(s->skel->maps.targets, &number, sizeof(number), 0);
	follow_forget(s->follow, pid);
	return -ESRCH;
}

bool session_expect(struct session *s, const char *path)
{
	if (s->spaces)
		spaces_expect(s->spaces, path);
	return follow_expect(s->follow, path);
}

void session_hold(struct session *s, bool held)
{
	follow_hold(s->follow, held);
}

bool session_prepare(struct session *s, pid_t pid)
{
	while (session_poll(s)) /* its exec is among the records */
		;
	return follow_prepare(s->follow, pid);
}

/* A clock tick that counts CPU time; the period is fixed, so that each sample weighs the same. */
static int open_tick(int cpu, unsigned long frequency)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = 1000000000 / frequency,
		.exclude_idle = 1,
	};

	return syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static int start_ticks(struct session *s)
{
	s->ticks = calloc(s->cpus, sizeof(*s->ticks));
	if (!s->ticks)
		return fail(-ENOMEM, "out of memory");
	for (int cpu = 0; cpu < s->cpus; cpu++) {
		int fd = open_tick(cpu, s->options.frequency);

		if (fd < 0 && errno == ENODEV) /* not online */
			continue;
		if (fd < 0)
			return refused(-errno, "open the CPU clock");
		s->ticks[cpu] = bpf_program__attach_perf_event(session_sampler(s->skel, &s->options), fd);
		if (!s->ticks[cpu]) {
			int err = -errno;

			close(fd);
			return refused(err, "attach to the CPU clock");
		}
	}
	return 0;
}

int session_start(struct session *s)
{
	int err = s->options.waits ? waits_begin(s->skel) : 0;

	if (s->options.events && (s->options.all || s->options.cgroup))
		follow_all(s->follow);
	s->skel->bss->watching = 1;
	return err ?: s->options.frequency ? start_ticks(s) : 0;
}

void session_stop(struct session *s)
{
	if (s->skel && s->skel->bss) {
		s->skel->bss->watching = 0;
		waits_end(s->skel);
	}
	for (int cpu = 0; s->ticks && cpu < s->cpus; cpu++)
		bpf_link__destroy(s->ticks[cpu]);
	free(s->ticks);
	s->ticks = NULL;
	follow_stop(s->follow);
}

bool session_poll(struct session *s)
{
	follow_waiting(s->follow);
	if (s->spaces)
		spaces_poll(s->spaces);
	tally_poll(&s->tally);
	s->polled = 0;
	return ring_buffer__consume(s->ring) == -EINTR;
}

int session_fd(const struct session *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

bool session_alive(const struct session *s)
{
	__u32 any;

	return !bpf_map__get_next_key(s->skel->maps.targets, NULL, &any, sizeof(any));
}

uint64_t session_count(const struct session *s, enum scry_count which)
{
	_cleanup_free_ uint64_t *values = calloc(s->cpus, sizeof(*values));
	__u32 key = which;
	uint64_t sum = 0;

	if (!values || bpf_map__lookup_elem(s->skel->maps.counts, &key, sizeof(key), values,
					    s->cpus * sizeof(*values), 0))
		return 0;
	for (int i = 0; i < s->cpus; i++)
		sum += values[i];
	return sum;
}

struct session_unseen session_unseen(const struct session *s)
{
	return follow_unseen(s->follow);
}

bool session_place(const struct session *s, pid_t pid, struct scry_proc *ret)
{
	__u32 number = pid;

	return !bpf_map__lookup_elem(s->skel->maps.procs, &number, sizeof(number), ret, sizeof(*ret), 0);
}

void session_judge(struct session *s, uint32_t code, enum scry_verdict verdict)
{
	__u32 index = code & (MAX_VERDICTS - 1);
	__u8 value = verdict | SCRY_VERDICT_NAMED; /* whatever its name: it is known well enough */

	bpf_map__update_elem(s->skel->maps.verdicts, &index, sizeof(index), &value, sizeof(value), BPF_ANY);
	if (verdict == SCRY_VERDICT_DROP && s->options.aggregate)
		tally_drop(&s->tally, code);
}

void session_each_stat(const struct session *s, void (*add)(void *ctx, const struct scry_call_stat *stat), void *ctx)
{
	tally_each(&s->tally, add, ctx);
}

void session_each_line(const struct session *s, void (*add)(void *ctx, const struct scry_line *line, uint64_t times), void *ctx)
{
	struct bpf_map *map = s->skel->maps.lines;
	struct scry_line line, *last = NULL;
	__u64 times;

	while (!bpf_map__get_next_key(map, last, &line, sizeof(line))) {
		last = &line;
		if (!bpf_map__lookup_elem(map, &line, sizeof(line), &times, sizeof(times), 0))
			add(ctx, &line, times);
	}
}

void session_each_call(const struct session *s, void (*add)(void *ctx, const struct scry_call *call), void *ctx)
{
	struct bpf_map *map = s->skel->maps.calls;
	struct scry_call_set set;

	for (__u32 i = 0; i < bpf_map__max_entries(map); i++) {
		if (bpf_map__lookup_elem(map, &i, sizeof(i), &set, sizeof(set), 0))
			return;
		for (int way = 0; way < SCRY_CALL_WAYS; way++)
			if (set.frame[way] && set.call[way].code) /* else it is a struct scry_strand */
				add(ctx, &set.call[way]);
	}
}

struct native_binaries *session_binaries(const struct session *s)
{
	return s->spaces ? spaces_binaries(s->spaces) : NULL;
}

static void print_programs(const struct session *s, FILE *to)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, s->skel->obj) {
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &size) || !info.run_cnt)
			continue;
		fprintf(to, "scry: bpf %-14s %10llu runs %8llu ns each %10.3f ms\n", bpf_program__name(prog),
			info.run_cnt, info.run_time_ns / info.run_cnt, info.run_time_ns / 1e6);
	}
}

void session_print_stats(const struct session *s, FILE *to)
{
	struct bpf_map *map;
	uint64_t bytes = 0;

	print_programs(s, to);
	bpf_object__for_each_map(map, s->skel->obj)
		bytes += (uint64_t)bpf_map__max_entries(map) * (bpf_map__key_size(map) + bpf_map__value_size(map));
	fprintf(to, "scry: bpf maps %.1f MB\n", bytes / 1e6);
	if (s->spaces)
		spaces_print_stats(s->spaces, to);
}
