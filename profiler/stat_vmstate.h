/* SPDX-License-Identifier: GPL-2.0-only */
/* scry stat vmstate: the share of CPU time that a virtual machine spends in each of its states. No event: it is sampled. */
#ifndef SCRY_STAT_VMSTATE_H
#define SCRY_STAT_VMSTATE_H

#include "run.h"

struct stat_vmstate_options {
	const struct targets *targets;
	unsigned long frequency; /* samples a second on each CPU */
	unsigned long limit;	 /* rows, 0: all */
	double seconds;		 /* 0: until stopped, or until the targets are gone */
	char *const *argv;	 /* scry's own command line, NULL-ended */
	bool json, stats, quiet, color;
};

/* To stdout. child as in run_targets. 0 or -errno, reported. */
int stat_vmstate_run(const struct stat_vmstate_options *options, struct spawn *child);

#endif
