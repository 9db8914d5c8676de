/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a process seen for the first time to its interpreter. Where the executable is known already (its inode is in
 * `exes`), this is done here, at the first tick, so that a process that lives for milliseconds is caught;
 * otherwise user space is asked, at growing intervals.
 */
#ifndef SCRY_BPF_PLACE_H
#define SCRY_BPF_PLACE_H

#include "maps.h"

/* Find the interpreter of the current process, and enter it in `procs`: bpf/place.bpf.c. An enum scry_walk_error. */
int place_process(__u32 pid);

#endif
