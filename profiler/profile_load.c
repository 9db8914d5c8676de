// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "output.h"
#include "profile_chunk.h"

/* What a file may unpack to in all: so many bytes for each of its own, and one chunk. Captures
 * of real programs stay far below; a file made to fill the memory stops here. */
#define UNPACK_RATIO 256

struct loader {
	int fd;
	const char *name;
	bool seekable;
	uint64_t at;		/* bytes read */
	uint64_t unpacked;
	uint32_t chunk;		/* number of the next one */
	unsigned char *packed, *plain;
	size_t packed_capacity, plain_capacity;
	ZSTD_DCtx *zstd;
};

/* Read size bytes or less at the end of the file. Returns how many, or -errno. */
static ssize_t read_some(struct loader *in, void *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		char *at = (char *)to + done;
		ssize_t got = in->seekable ? pread(in->fd, at, size - done, (off_t)in->at)
					   : read(in->fd, at, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(-errno, "read %s:", in->name);
		if (!got)
			break;
		done += (size_t)got;
		in->at += (uint64_t)got;
	}
	return (ssize_t)done;
}

static int read_file_head(struct loader *in)
{
	struct capture_file_head head;
	ssize_t got = read_some(in, &head, sizeof(head));

	if (got < 0)
		return (int)got;
	if (got < (ssize_t)sizeof(head) || memcmp(head.magic, CAPTURE_MAGIC, CAPTURE_MAGIC_SIZE))
		return fail(-EINVAL, "%s is not a capture of scry", in->name);
	if (le32toh(head.version) != CAPTURE_VERSION)
		return fail(-ENOTSUP, "%s is a capture of format %" PRIu32
				      "; this scry reads format %d", in->name,
			    le32toh(head.version), CAPTURE_VERSION);
	return 0;
}

static bool is_chunk(const struct loader *in, const struct capture_chunk_head *head)
{
	return le32toh(head->magic) == CAPTURE_CHUNK_MAGIC && le32toh(head->number) == in->chunk &&
	       le32toh(head->packed) <= CAPTURE_CHUNK_MAX && le32toh(head->plain) <= CAPTURE_CHUNK_MAX;
}

/* The next chunk, unpacked. 1: there is one; 0: the file ends here, rightly or not; -errno,
 * reported. */
static int read_chunk(struct loader *in, struct cursor *ret)
{
	struct capture_chunk_head head;
	ssize_t got = read_some(in, &head, sizeof(head));
	size_t packed, plain, size;

	if (got != (ssize_t)sizeof(head) || !is_chunk(in, &head))
		return got < 0 ? (int)got : 0;
	packed = le32toh(head.packed);
	plain = le32toh(head.plain);
	/* Room grows with what was really read, not with what a head declares. */
	for (size = 0; size < packed; size += (size_t)got) {
		size_t part = packed - size < 1u << 20 ? packed - size : 1u << 20;

		if (!array_reserve(&in->packed, &in->packed_capacity, size + part, 1))
			return fail(-ENOMEM, "read %s:", in->name);
		got = read_some(in, in->packed + size, part);
		if (got <= 0)
			return (int)got;
	}
	in->unpacked += plain;
	if (in->unpacked > CAPTURE_CHUNK_MAX + in->at * UNPACK_RATIO ||
	    ZSTD_getFrameContentSize(in->packed, packed) != plain)
		return 0;
	if (!array_reserve(&in->plain, &in->plain_capacity, plain + 1, 1))
		return fail(-ENOMEM, "read %s:", in->name);
	if (ZSTD_decompressDCtx(in->zstd, in->plain, plain, in->packed, packed) != plain)
		return 0;
	in->chunk++;
	*ret = cursor_over(in->plain, plain);
	return 1;
}

static void remark_cut(const struct profile *profile)
{
	remark("%s: its end is missing or damaged; read %zu samples up to %.1f s", profile->name,
	       profile->samples.count, (double)profile->duration_ns / 1e9);
}

static int read_chunks(struct loader *in, struct profile *profile)
{
	bool ended = false;
	int got = 1, err = 0;

	while (!ended && got > 0 && !err) {
		struct cursor chunk;

		got = read_chunk(in, &chunk);
		if (got < 0)
			return got;
		if (got)
			err = profile_chunk_add(profile, chunk, &ended);
	}
	if (err && err != -EBADMSG)
		return fail(err, "read %s:", in->name);
	if (!in->chunk)
		return fail(-EBADMSG, "%s: not one whole chunk in it", in->name);
	profile->cut = !ended || err;
	if (profile->cut)
		remark_cut(profile);
	return 0;
}

static int load(struct loader *in, struct profile *profile)
{
	int err = read_file_head(in);

	return err ? err : read_chunks(in, profile);
}

int profile_load(int fd, const char *name, struct profile **ret)
{
	struct loader in = { .fd = fd, .name = name, .zstd = ZSTD_createDCtx() };
	struct profile *profile = profile_create(name);
	struct stat st;
	int err = -ENOMEM;

	in.seekable = !fstat(fd, &st) && S_ISREG(st.st_mode);
	err = in.zstd && profile ? load(&in, profile) : fail(-ENOMEM, "read %s:", name);
	ZSTD_freeDCtx(in.zstd);
	free(in.packed);
	free(in.plain);
	if (err) {
		profile_destroy(profile);
		return err;
	}
	*ret = profile;
	return 0;
}
