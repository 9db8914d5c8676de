// SPDX-License-Identifier: GPL-2.0-only
#include "debug_data.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../profiler/base/cleanup.h"

/* Of the order of a hundred times what distributions ship: a few bytes of xz may stand for any number. */
#define MAX_PACKED   (16u << 20)
#define MAX_UNPACKED (64u << 20)
#define MAX_MEMORY   (128u << 20) /* of the decoder */

static int write_all(int fd, const unsigned char *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, bytes + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += n;
	}
	return 0;
}

/* Into a file, piece by piece. */
static int unpack(lzma_stream *xz, int fd)
{
	unsigned char piece[1 << 16];
	size_t total = 0;
	lzma_ret state = LZMA_OK;
	int err = 0;

	while (state == LZMA_OK && !err) {
		xz->next_out = piece;
		xz->avail_out = sizeof(piece);
		state = lzma_code(xz, LZMA_FINISH);
		total += sizeof(piece) - xz->avail_out;
		err = total > MAX_UNPACKED ? -EINVAL : write_all(fd, piece, sizeof(piece) - xz->avail_out);
	}
	return err ?: state == LZMA_STREAM_END ? 0 : -EINVAL;
}

int debug_data_open(const struct elf *elf, struct elf **ret)
{
	_cleanup_free_ unsigned char *packed = NULL;
	lzma_stream xz = LZMA_STREAM_INIT;
	struct elf_range range;
	int fd, err = elf_section(elf, ".gnu_debugdata", &range);

	if (err)
		return err;
	if (!range.size || range.size > MAX_PACKED)
		return -EINVAL;
	packed = malloc(range.size);
	if (!packed)
		return -ENOMEM;
	err = elf_pread(elf, range.offset, packed, range.size);
	if (err)
		return err;
	if (lzma_stream_decoder(&xz, MAX_MEMORY, 0) != LZMA_OK)
		return -ENOMEM;
	fd = memfd_create("scry-debugdata", MFD_CLOEXEC);
	if (fd < 0) {
		lzma_end(&xz);
		return -errno;
	}
	xz.next_in = packed;
	xz.avail_in = range.size;
	err = unpack(&xz, fd);
	lzma_end(&xz);
	if (!err)
		return elf_open(fd, ret);
	close(fd);
	return err;
}
