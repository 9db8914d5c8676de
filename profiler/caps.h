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
 * May this process record at all? 0, or -EPERM with one line that names what is missing and what to
 * do.
 */
int caps_check_record(void);

#endif
