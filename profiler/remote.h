/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of another process, read without stopping it: what is read may change while it is read,
 * and may be anything. Needs CAP_SYS_PTRACE, or the same user and no yama restriction.
 */
#ifndef SCRY_REMOTE_H
#define SCRY_REMOTE_H

#include <linux/types.h>
#include <stddef.h>
#include <sys/types.h>

/* All of size bytes, or -EFAULT, -EPERM, -ESRCH. Prints nothing. */
int remote_read(pid_t pid, __u64 address, void *dst, size_t size);

/*
 * Several pieces at once, each whole or marked by read = false; one system call per 512 pieces
 * where all can be read.
 */
struct remote_piece {
	__u64 address;
	void *dst;
	size_t size;
	int read; /* out */
};
void remote_read_pieces(pid_t pid, struct remote_piece *pieces, size_t count);

#endif
