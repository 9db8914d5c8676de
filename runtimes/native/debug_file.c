// SPDX-License-Identifier: GPL-2.0-only
#include "debug_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../../profiler/base/cleanup.h"
#include "root.h"

#define DEBUG_ROOT   "/usr/lib/debug"
#define MAX_BUILD_ID 64
#define MAX_CHECKED  (2ull << 30) /* bytes of a file whose checksum is computed */

struct wanted {
	const struct elf *elf;
	unsigned char id[MAX_BUILD_ID];
	size_t id_size;	      /* 0: none */
	char link[NAME_MAX + 1]; /* "": none */
	__u32 checksum;
	int roots[2];	      /* the process's, ours; -1: none */
};

static size_t build_id(const struct elf *elf, unsigned char *id)
{
	__u64 address;
	size_t size = elf_build_id(elf, id, MAX_BUILD_ID, &address);

	return size <= MAX_BUILD_ID ? size : 0;
}

/* .gnu_debuglink: a file's name, NUL-ended and padded to 4 bytes, then the CRC of that file (binutils, bfd/opncls.c). */
static void read_link(struct wanted *w)
{
	char bytes[sizeof(w->link) + 8] = "";
	struct elf_range range;
	size_t length;

	if (elf_section(w->elf, ".gnu_debuglink", &range) || range.size < 8 || range.size > sizeof(bytes) ||
	    elf_pread(w->elf, range.offset, bytes, range.size))
		return;
	length = strnlen(bytes, range.size);
	if (!length || length > NAME_MAX || length / 4 * 4 + 8 > range.size || memchr(bytes, '/', length))
		return;
	memcpy(&w->checksum, bytes + length / 4 * 4 + 4, sizeof(w->checksum));
	memcpy(w->link, bytes, length + 1);
}

static bool has_checksum(const struct elf *elf, __u32 checksum)
{
	_cleanup_free_ unsigned char *bytes = malloc(1 << 16);
	uLong sum = crc32(0, NULL, 0);
	__u64 size = elf_size(elf);

	if (!bytes || size > MAX_CHECKED)
		return false;
	for (__u64 at = 0; at < size; at += 1 << 16) {
		size_t part = size - at < 1 << 16 ? size - at : 1 << 16;

		if (elf_pread(elf, at, bytes, part))
			return false;
		sum = crc32(sum, bytes, part);
	}
	return sum == checksum;
}

/* Is this the one? Where only one of the two has a build id, they are not of the same build. */
static bool fits(const struct wanted *w, const struct elf *elf, bool linked)
{
	unsigned char id[MAX_BUILD_ID];
	size_t size = build_id(elf, id);

	if (elf_machine(elf) != elf_machine(w->elf))
		return false;
	if (w->id_size || size)
		return size == w->id_size && !memcmp(id, w->id, size);
	return linked && has_checksum(elf, w->checksum);
}

static int try_path(const struct wanted *w, int root, const char *path, bool linked, struct elf **ret)
{
	int fd = root_open_file(root, path);
	struct elf *elf;

	if (fd < 0 || elf_open(fd, &elf))
		return -ENOENT;
	if (!fits(w, elf, linked)) {
		elf_close(elf);
		return -ENOENT;
	}
	*ret = elf;
	return 0;
}

static int try_build_id(const struct wanted *w, int root, struct elf **ret)
{
	char path[sizeof(DEBUG_ROOT) + 32 + 2 * MAX_BUILD_ID];
	int used = snprintf(path, sizeof(path), DEBUG_ROOT "/.build-id/%02x/", w->id[0]);

	if (w->id_size < 2)
		return -ENOENT;
	for (size_t i = 1; i < w->id_size; i++)
		used += snprintf(path + used, sizeof(path) - used, "%02x", w->id[i]);
	snprintf(path + used, sizeof(path) - used, ".debug");
	return try_path(w, root, path, false, ret);
}

/* Beside the file, in .debug there, and in the same folder below that of all debug files. */
static int try_link(const struct wanted *w, int root, const char *file, struct elf **ret)
{
	static const char *const places[] = { "%.*s/%s", "%.*s/.debug/%s", DEBUG_ROOT "%.*s/%s" };
	const char *slash = strrchr(file, '/');
	int err = -ENOENT;

	if (!*w->link || !slash)
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(places) && err; i++) {
		char path[PATH_MAX];
		int used = snprintf(path, sizeof(path), places[i], (int)(slash - file), file, w->link);

		if (used > 0 && (size_t)used < sizeof(path))
			err = try_path(w, root, path, true, ret);
	}
	return err;
}

int debug_file_open(const struct elf *elf, const char *path, int root, struct elf **ret)
{
	_cleanup_fd_ int own = root_open(0);
	struct wanted w = { .elf = elf, .roots = { root, own } };
	int err = -ENOENT;

	w.id_size = build_id(elf, w.id);
	read_link(&w);
	for (size_t i = 0; i < ARRAY_SIZE(w.roots) && err; i++)
		if (w.roots[i] >= 0)
			err = try_build_id(&w, w.roots[i], ret);
	for (size_t i = 0; i < ARRAY_SIZE(w.roots) && err; i++)
		if (w.roots[i] >= 0)
			err = try_link(&w, w.roots[i], path, ret);
	return err;
}
