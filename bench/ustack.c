// SPDX-License-Identifier: GPL-2.0-only
/* ustack PID HZ SECONDS: run the program of ustack.bpf.c. Prints samples, frames and ns. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "profiler/base/err.h"
#include "ustack.skel.h"

int main(int argc, char **argv)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK, .size = sizeof(attr), .exclude_idle = 1,
	};
	struct ustack_bpf *skel = ustack_bpf__open();

	if (argc != 4 || !skel)
		return 2;
	skel->rodata->tgid = atoi(argv[1]);
	attr.sample_period = 1000000000 / atoi(argv[2]);
	if (ustack_bpf__load(skel))
		return fail(-errno, "load:") != 0;
	for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
		int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0 || !bpf_program__attach_perf_event(skel->progs.ustack_cpu, fd))
			return fail(-errno, "attach:") != 0;
	}
	usleep(1e6 * atof(argv[3]));
	printf("samples %llu frames %llu ns %llu\n", (unsigned long long)skel->bss->samples,
	       (unsigned long long)skel->bss->frames, (unsigned long long)skel->bss->ns);
	ustack_bpf__destroy(skel);
	return 0;
}
