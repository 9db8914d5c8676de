/* SPDX-License-Identifier: GPL-2.0-only */
/* One recording: from targets to a finished capture. */
#ifndef SCRY_RECORD_H
#define SCRY_RECORD_H

#include <stdbool.h>

#include "run.h"

struct record_options {
	struct run_options run;
	const char *path;	/* of the capture; NULL: an unnamed temporary file */
	const char *target;	/* described in words */
	char *const *argv;	/* scry's own command line, NULL-ended */
	bool announce;		/* say on stderr what is recorded, once it is */
	bool progress;		/* rewrite one line on stderr */
};

/*
 * Record. *fd gets a descriptor to read the capture by; *child (zeroed by the caller) is the started command, which may still
 * run: its status is the caller's to reap. 0 or -errno, reported.
 */
int record_run(const struct record_options *options, int *fd, struct spawn *child);

#endif
