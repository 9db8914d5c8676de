/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A command that scry has started, held for a moment before the first instruction of each program that it, or what it starts,
 * begins: until an interpreter is met, whose probes would otherwise come, and whose memory be looked at, while it runs already. It is
 * done by ptrace, on nothing but this command, and not a moment longer; where scry ends, however it ends, the kernel lets all of them go on.
 */
#ifndef SCRY_HOLD_H
#define SCRY_HOLD_H

#include <stdbool.h>
#include <sys/types.h>

struct hold;

/* pid: a child that has not begun its program. 0 or -errno, silently: then nothing is held. */
int hold_create(pid_t pid, struct hold **ret);
void hold_destroy(struct hold *hold); /* lets all go; NULL is allowed */

/* Readable when a program waits. -1 for NULL. */
int hold_fd(const struct hold *hold);

/* The process whose program waits now; 0: none does. The kernel has told of its exec before. */
pid_t hold_waiting(struct hold *hold);

/* Let it begin. last: let all go on for good; nothing will wait any more. */
void hold_answer(struct hold *hold, bool last);

#endif
