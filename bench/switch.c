// SPDX-License-Identifier: GPL-2.0-only
/* Load and run the program of switch.bpf.c: switch SECONDS PID... Prints runs, the ns they took, and waits. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "switch.skel.h"

int main(int argc, char **argv)
{
	struct switch_bpf *skel = argc > 2 ? switch_bpf__open_and_load() : NULL;
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	__u8 yes = 1;

	if (!skel || stats < 0)
		return 1;
	for (int i = 2; i < argc; i++) {
		__u32 pid = (__u32)atoi(argv[i]);

		bpf_map__update_elem(skel->maps.followed, &pid, sizeof(pid), &yes, sizeof(yes), BPF_ANY);
	}
	if (switch_bpf__attach(skel))
		return 1;
	sleep((unsigned)atoi(argv[1]));
	bpf_obj_get_info_by_fd(bpf_program__fd(skel->progs.switch_floor), &info, &size);
	printf("%llu %llu %llu\n", info.run_cnt, info.run_time_ns, (unsigned long long)skel->bss->waits);
	switch_bpf__destroy(skel);
	close(stats);
	return 0;
}
