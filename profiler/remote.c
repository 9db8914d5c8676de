// SPDX-License-Identifier: GPL-2.0-only
#include "remote.h"

#include <errno.h>
#include <sys/uio.h>

#define BATCH 512 /* half of IOV_MAX */

int remote_read(pid_t pid, __u64 address, void *dst, size_t size)
{
	struct iovec local = { dst, size }, remote = { (void *)address, size };
	ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EFAULT;
}

/* Reads pieces up to the first that fails, which is counted too. There is one at least. */
static size_t read_batch(pid_t pid, struct remote_piece *pieces, size_t count)
{
	struct iovec local[BATCH], remote[BATCH];
	size_t i = 0, done = 0;
	ssize_t n;

	do {
		local[i] = (struct iovec){ pieces[i].dst, pieces[i].size };
		remote[i] = (struct iovec){ (void *)pieces[i].address, pieces[i].size };
	} while (++i < count);
	n = process_vm_readv(pid, local, count, remote, count, 0);
	for (i = 0; i < count && n >= 0; i++) {
		done += pieces[i].size;
		pieces[i].read = done <= (size_t)n;
		if (!pieces[i].read)
			break;
	}
	if (n < 0) /* the first one cannot be read, or none can */
		pieces[0].read = 0;
	return i < count ? i + 1 : count;
}

void remote_read_pieces(pid_t pid, struct remote_piece *pieces, size_t count)
{
	while (count) {
		size_t n = read_batch(pid, pieces, count < BATCH ? count : BATCH);

		pieces += n;
		count -= n;
	}
}
