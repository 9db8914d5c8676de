/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Uprobes attached without perf: BPF_TRACE_UPROBE_MULTI (6.6). CAP_BPF and CAP_PERFMON suffice for it, where uprobes of perf want
 * CAP_SYS_ADMIN since July 2025; and it attaches in a fraction of the time. libbpf has a wrapper from 1.3 on.
 */
#ifndef SCRY_UPROBE_MULTI_H
#define SCRY_UPROBE_MULTI_H

#include <linux/types.h>
#include <stdbool.h>

#define UPROBE_MULTI_TYPE 48 /* enum bpf_attach_type: BPF_TRACE_UPROBE_MULTI; to be set on the program before it is loaded */

/* Does this kernel have it? Asked once. */
bool uprobe_multi_is_there(void);

/* Run the program, which was loaded for it, wherever the file at path is mapped and this offset executed. A descriptor that
 * holds the probe until it is closed, or -errno, silently. */
int uprobe_multi_attach(int program, const char *path, __u64 offset);

#endif
