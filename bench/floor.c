// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load and run the floor program: floor PID HZ SECONDS CPU. Prints one line: samples, frames,
 * lost, runs of the program and the ns they took, from the kernel's run statistics. The ring
 * buffer is read on a timer, as scry does.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"
#include "floor.skel.h"
#include "profiler/base/err.h"
#include "runtimes/python/layout.h"
#include "runtimes/runtime.h"

#define POLL_US 50000

static int set_places(struct floor_bpf *skel, pid_t pid)
{
	struct floor_places *places = (struct floor_places *)&skel->rodata->places;
	const struct runtime_binary *binary;
	const struct python_layout *l;
	struct scry_exe_key key;
	char why[256] = "";
	__u64 bias;
	int err = runtime_examine(pid, &binary, &bias, &key, NULL, why, sizeof(why));

	if (err)
		return fail(err, "process %d: %s", pid, *why ? why : "no interpreter");
	l = &binary->wire.python.layout;
	if (binary->wire.python.version != PY_VERSION(3, 11))
		return fail(-ENOTSUP, "process %d runs Python %s: the floor is made for 3.11", pid, binary->version);
	*places = (struct floor_places){
		.tgid = pid,
		.state_cframe = OFF(l->tstate_cframe),
		.cframe_frame = OFF(l->cframe_current_frame),
		.frame_code = OFF(l->frame_code),
		.frame_previous = OFF(l->frame_previous),
		.frame_instr = OFF(l->frame_instr),
		.current = bias + binary->wire.python.current,
	};
	return 0;
}

static int attach(struct floor_bpf *skel, unsigned long frequency, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = 1000000000 / frequency,
		.exclude_idle = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0 || !bpf_program__attach_perf_event(skel->progs.floor_cpu, fd))
		return fail(-errno, "attach to the clock of CPU %d:", cpu);
	return 0;
}

static int take(void *ctx, void *data, size_t size)
{
	return 0;
}

static int run(struct floor_bpf *skel, double seconds)
{
	struct ring_buffer *ring = ring_buffer__new(bpf_map__fd(skel->maps.events), take, NULL, NULL);
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (!ring)
		return fail(-errno, "read BPF ring buffer:");
	for (double t = 0; t < seconds; t += POLL_US / 1e6) {
		usleep(POLL_US);
		ring_buffer__consume(ring);
	}
	ring_buffer__free(ring);
	if (bpf_obj_get_info_by_fd(bpf_program__fd(skel->progs.floor_cpu), &info, &size))
		return fail(-errno, "read run statistics:");
	printf("samples %llu frames %llu lost %llu runs %llu ns %llu\n", skel->bss->samples, skel->bss->frames,
	       skel->bss->lost, info.run_cnt, info.run_time_ns);
	return 0;
}

int main(int argc, char **argv)
{
	struct floor_bpf *skel;
	int err;

	if (argc != 5)
		return fail(EXIT_USAGE, "usage: floor PID HZ SECONDS CPU");
	skel = floor_bpf__open();
	if (!skel)
		return fail(EXIT_FAILED, "open the floor program");
	err = set_places(skel, atoi(argv[1]));
	if (!err && (floor_bpf__load(skel) || bpf_enable_stats(BPF_STATS_RUN_TIME) < 0))
		err = fail(-errno, "load the floor program:");
	if (!err)
		err = attach(skel, strtoul(argv[2], NULL, 10), atoi(argv[4]));
	if (!err)
		err = run(skel, atof(argv[3]));
	floor_bpf__destroy(skel);
	return err ? EXIT_FAILED : EXIT_DONE;
}
