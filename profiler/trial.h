/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What recording asks of the kernel, tried in the smallest form. Settings only say what should be
 * allowed; seccomp filters and security modules refuse without showing in any of them.
 */
#ifndef SCRY_TRIAL_H
#define SCRY_TRIAL_H

/* Each undoes what it did. 0 or -errno, silently. */
int trial_map(void);		/* create a hash map */
int trial_ring_buffer(void);
int trial_perf_thread(void);	/* a cpu-clock event of this thread */
int trial_perf_cpu(void);	/* a cpu-clock event of whatever runs on this CPU */

/*
 * Probe a function of this program, call it, count the hits: as scry does with the function that
 * frees code objects. Returns how many of three calls were seen. -ENOSYS: the kernel has no uprobes.
 */
int trial_uprobe(void);

/*
 * Load a program that reads kernel and user memory, let it run on a cpu-clock event of this thread
 * for 20 ms of CPU time. Returns how often it ran. -errno: not loaded or not attached.
 */
int trial_program(void);

#endif
