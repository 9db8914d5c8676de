/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs at the scheduler (bpf/offcpu.bpf.c): from the first thread looked at to the last wait told of. */
#ifndef SCRY_WAITS_H
#define SCRY_WAITS_H

#include <stdbool.h>

#include "session.h"

struct scry_bpf;

/* Before loading: which programs, and how large their maps. */
void waits_configure(struct scry_bpf *skel, const struct session_options *options);

/* Does this kernel hand the state of a task to programs at its switch? */
bool waits_state_is_told(void);

int waits_attach(struct scry_bpf *skel); /* 0 or -errno, reported. Nothing is told of yet */

/* Look at the threads that are there: each that waits is told of by a SCRY_RECORD_WAITING. 0 or -errno, reported. */
int waits_begin(struct scry_bpf *skel);

/* What is open ends now and is told of; the first call counts. */
void waits_end(struct scry_bpf *skel);

#endif
