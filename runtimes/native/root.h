/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files as a process sees them. What it calls /usr/lib/x may be anything: a link out of its root, a device, a FIFO. Such are
 * never opened.
 */
#ifndef SCRY_NATIVE_ROOT_H
#define SCRY_NATIVE_ROOT_H

#include <sys/types.h>

/* The root of a process, valid beyond its end; pid 0: our own. Descriptor or -errno. */
int root_open(pid_t pid);

/*
 * A regular file below a root, to be read; links are followed within the root. Descriptor or -errno (-ENOENT also for what is
 * no regular file).
 */
int root_open_file(int root, const char *path);

#endif
