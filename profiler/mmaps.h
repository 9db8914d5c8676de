/* SPDX-License-Identifier: GPL-2.0-only */
/* News of executable memory that processes map: perf's records of it, for the whole machine. */
#ifndef SCRY_MMAPS_H
#define SCRY_MMAPS_H

#include <stdbool.h>
#include <sys/types.h>

struct mmaps;

/* 0 or -errno, silently: without it new memory is noticed when code runs in it. epoll: made readable by news. */
int mmaps_open(int cpus, int epoll, struct mmaps **ret);
void mmaps_close(struct mmaps *mmaps); /* NULL is allowed */

/* Hand over the processes (as numbered in scry's own pid namespace) that have mapped executable memory since. 0: any may have. */
void mmaps_read(struct mmaps *mmaps, void (*each)(void *ctx, pid_t pid), void *ctx);

#endif
