/* SPDX-License-Identifier: GPL-2.0-only */
/* What this process may do. */
#ifndef SCRY_CAPS_H
#define SCRY_CAPS_H

#include <linux/capability.h>
#include <stdbool.h>

/*
 * Is the capability in effect? CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON, as it does in
 * the kernel.
 */
bool caps_have(int capability);

/*
 * In the first user namespace? Capabilities of another one (rootless containers) do not count for
 * BPF and perf.
 */
bool caps_count(void);

/*
 * Linux 6.16 and the stable releases of July 2025 (CVE-2025-38466) let only CAP_SYS_ADMIN open uprobes
 * through perf, where CAP_PERFMON had been enough. No version tells; it is tried.
 */
bool caps_uprobes_need_admin(void);

/*
 * May this process record at all? 0, or -EPERM with one line that names what is missing and what to
 * do.
 */
int caps_check_record(void);

#endif
