/* SPDX-License-Identifier: GPL-2.0-only */
/* A command started by scry, held before its first instruction until everything is attached. */
#ifndef SCRY_SPAWN_H
#define SCRY_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct spawn {
	pid_t pid;
	int gate;   /* writing end: a byte lets the command start */
	int broken; /* reading end: errno of a failed exec */
	bool ended;
	int status; /* as a shell gives it: exit status, or 128 + signal */
};

/* Fork; the child waits for spawn_release. 0 or -errno, reported. */
int spawn_prepare(char *const *argv, struct spawn *ret);

/* Let it run. 0, or -errno of an exec that failed, reported; then the child is gone. */
int spawn_release(struct spawn *spawn, const char *name);

/* Has it ended? With wait, until it has (not while it is held: hold.h). Keeps the status. */
bool spawn_reap(struct spawn *spawn, bool wait);

/* Give up: the child, if it still waits, ends without having run anything. */
void spawn_abandon(struct spawn *spawn);

#endif
