/* SPDX-License-Identifier: GPL-2.0-only */
/* One recording: from targets to a finished capture. */
#ifndef SCRY_RECORD_H
#define SCRY_RECORD_H

#include <stdbool.h>

#include "run.h"

/* What is recorded, as the capture says it. */
struct record_kind {
	const char *event;	/* "cpu", "call" */
	const char *unit;	/* of a sample's weight: "ns" */
	uint64_t period;	/* weight of each sample; 0: its own time in ns */
	const char *noun;	/* of what is counted: "samples" */
	const char *about;	/* one line for people: "cpu at 99 Hz" */
};

struct record_options {
	struct run_options run;
	struct record_kind kind;
	const char *path;	/* of the capture; NULL: an unnamed temporary file */
	const char *target;	/* described in words */
	char *const *argv;	/* scry's own command line, NULL-ended */
	bool native_all;	/* with native frames also those of the interpreter that only lead from one function to the next */
	bool announce;		/* say on stderr what is recorded, once it is */
	bool progress;		/* rewrite one line on stderr */
};

/*
 * Record. *fd gets a descriptor to read the capture by; *child (zeroed by the caller) is the started command, which may still
 * run: its status is the caller's to reap. 0 or -errno, reported.
 */
int record_run(const struct record_options *options, int *fd, struct spawn *child);

#endif
