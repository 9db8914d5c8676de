/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a pid to entries in the programs' maps: its interpreter is looked for, the binary described to the programs once,
 * and a probe put where that binary frees code objects, before the first code object is given an id.
 */
#ifndef SCRY_FOLLOW_H
#define SCRY_FOLLOW_H

#include "session.h"

#include <stdbool.h>
#include <sys/types.h>

struct scry_bpf;
struct follow;

/* options must outlive it. 0 or -errno. */
int follow_create(struct scry_bpf *skel, const struct session_options *options, struct follow **ret);
/* Remove the probes; where they are for no events, meanwhile. NULL is allowed. */
void follow_stop(struct follow *follow);
void follow_destroy(struct follow *follow); /* nothing is attached any more */

/*
 * Find pid's interpreter and enter it in the maps. 0: done. -ENOENT: it runs none (yet); -ESRCH: gone; both silently.
 * asked: the programs saw it run and know nothing of its executable, so that finding no interpreter is worth remembering.
 * -ENOTSUP: an unknown version, reported once for each program. Others: reported.
 */
int follow_process(struct follow *follow, pid_t pid, bool asked);

/* pid is a target: enter it as one, after follow_process. 0 or -errno, silently. */
int follow_target(struct follow *follow, pid_t pid);

/*
 * A process runs another program: find its interpreter, as follow_process. Probes in this process alone go on there, unless they are
 * lost since another thread than the main one executed it.
 */
void follow_exec(struct follow *follow, const struct scry_process *exec);

/* Programs that are executed wait for their probes now, or do not any more. */
void follow_hold(struct follow *follow, bool held);

struct session_unseen follow_unseen(const struct follow *follow);

/* For events of the whole machine: every interpreter that runs now. */
void follow_all(struct follow *follow);

/* Look again at processes that run another program since a moment, and had not loaded an interpreter when last looked at. */
void follow_waiting(struct follow *follow);

/* A program is about to be started from this file: have everything in place before. false: that is no interpreter, as far as
 * its files tell, and left to follow_process. */
bool follow_expect(struct follow *follow, const char *path);

/* The same for a process that has not executed anything of its program yet, after follow_process. */
bool follow_prepare(struct follow *follow, pid_t pid);

/* pid runs another program now, or has ended: forget what follow_process entered. */
void follow_forget(struct follow *follow, pid_t pid);

#endif
