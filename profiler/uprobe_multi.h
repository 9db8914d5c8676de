/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Uprobes attached without perf: BPF_TRACE_UPROBE_MULTI (6.6). CAP_BPF and CAP_PERFMON suffice for it, where uprobes of perf want
 * CAP_SYS_ADMIN since July 2025; and all places of a program come and go at once. libbpf has a wrapper from 1.3 on.
 */
#ifndef SCRY_UPROBE_MULTI_H
#define SCRY_UPROBE_MULTI_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/types.h>

#define UPROBE_MULTI_TYPE 48 /* enum bpf_attach_type: BPF_TRACE_UPROBE_MULTI; to be set on the program before it is loaded */

/* Places in one file. */
struct uprobe_places {
	const __u64 *offsets, *semaphores, *cookies; /* semaphores: offsets of counters to raise, 0: none */
	__u32 count;
};

/* Does this kernel have it? Asked once. */
bool uprobe_multi_is_there(void);

/*
 * Does its pid mean a process? That of 6.6 to 6.9 means one thread (kernel commit 46ba0e49b642, in 6.10 and in later releases of
 * some of those): there only probes in all processes see everything. Asked once.
 */
bool uprobe_multi_knows_processes(void);

/*
 * Run the program, which was loaded for it, where process pid (0: any process) maps the file at path and executes one of the places.
 * A descriptor that holds the probes until it is closed, or -errno, silently.
 */
int uprobe_multi_attach(int program, const char *path, pid_t pid, const struct uprobe_places *places);

#endif
