// SPDX-License-Identifier: GPL-2.0-only
#include "procmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MAX_TEXT (64u << 20) /* 65530 mappings (vm.max_map_count) of 1 kB */
#define MAX_MAPS (1u << 20)

/* A whole file of /proc, whose size is not known beforehand. NUL-ended. */
static int read_text(const char *path, char **ret)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t room = 32768, size = 0;
	_cleanup_free_ char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	do {
		char *grown;

		if (!text || size + 1 == room) {
			grown = room > MAX_TEXT ? NULL : realloc(text, room *= 2);
			if (!grown)
				return -ENOMEM;
			text = grown;
		}
		n = read(fd, text + size, room - 1 - size);
		if (n > 0)
			size += n;
	} while (n > 0);
	if (n < 0)
		return -errno;
	text[size] = 0;
	*ret = text;
	text = NULL;
	return 0;
}

/*
 * The kernel writes a newline in a path as \012, and nothing else escaped (fs/proc/task_mmu.c:
 * seq_path(.., "\n")).
 */
static void decode_newlines(char *s)
{
	char *to = s;

	for (; *s; to++) {
		bool newline = !strncmp(s, "\\012", 4);

		*to = newline ? '\n' : *s;
		s += newline ? 4 : 1;
	}
	*to = 0;
}

static bool cut_suffix(char *s, const char *suffix)
{
	size_t length = strlen(s), cut = strlen(suffix);

	if (length < cut || strcmp(s + length - cut, suffix))
		return false;
	s[length - cut] = 0;
	return true;
}

/* "start-end perms offset major:minor inode   path". code: executable memory is wanted, else files. False: it is not. */
static bool parse_line(char *line, bool code, struct procmap *ret)
{
	unsigned long long start, end, offset, inode;
	unsigned major, minor;
	char perms[5];
	int at = 0;

	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, perms, &offset, &major,
		   &minor, &inode, &at) != 7 ||
	    !at || !(code ? strchr(perms, 'x') != NULL : line[at] == '/') || start >= end)
		return false;
	*ret = (struct procmap){ .start = start,
				 .end = end,
				 .offset = offset,
				 .inode = inode,
				 .major = major,
				 .minor = minor,
				 .executable = strchr(perms, 'x') };
	ret->deleted = cut_suffix(line + at, " (deleted)");
	ret->path = strdup(line + at);
	if (ret->path)
		decode_newlines(ret->path);
	return ret->path;
}

static int parse(char *text, bool code, struct procmaps *ret)
{
	struct procmaps maps = { 0 };
	size_t room = 0;
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (maps.count == room) {
			void *grown;

			room = room ? room * 2 : 128;
			grown = room > MAX_MAPS ? NULL
						: realloc(maps.maps, room * sizeof(*maps.maps));
			if (!grown) {
				procmaps_deinit(&maps);
				return -ENOMEM;
			}
			maps.maps = grown;
		}
		if (parse_line(line, code, &maps.maps[maps.count]))
			maps.count++;
	}
	*ret = maps;
	return 0;
}

int procmaps_parse(char *text, struct procmaps *ret)
{
	return parse(text, false, ret);
}

int procmaps_parse_code(char *text, struct procmaps *ret)
{
	return parse(text, true, ret);
}

static int read_maps(pid_t pid, bool code, struct procmaps *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	err = read_text(path, &text);
	return err ? err : parse(text, code, ret);
}

int procmaps_read(pid_t pid, struct procmaps *ret)
{
	return read_maps(pid, false, ret);
}

int procmaps_read_code(pid_t pid, struct procmaps *ret)
{
	return read_maps(pid, true, ret);
}

void procmaps_deinit(struct procmaps *maps)
{
	for (size_t i = 0; i < maps->count; i++)
		free(maps->maps[i].path);
	free(maps->maps);
	*maps = (struct procmaps){ 0 };
}

int procmap_open_exe(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

int procmap_open(pid_t pid, const struct procmap *map)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int fd;

	if (asprintf(&path, "/proc/%d/map_files/%llx-%llx", pid, map->start, map->end) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	free(path);
	if (asprintf(&path, "/proc/%d/root%s", pid, map->path) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && st.st_ino == map->inode)
		return fd;
	close(fd);
	return -ESTALE;
}

/*
 * mountinfo: "id parent major:minor ..."; the numbers are the superblock's s_dev
 * (fs/proc_namespace.c).
 */
static bool mount_device(const char *text, unsigned long long mount, __u64 *ret)
{
	unsigned long long id;
	unsigned major, minor;

	for (; text && *text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL) {
		if (sscanf(text, "%llu %*u %u:%u", &id, &major, &minor) != 3 || id != mount)
			continue;
		*ret = (__u64)major << 20 | minor;
		return true;
	}
	return false;
}

__u64 procmap_device(pid_t pid, int fd)
{
	_cleanup_free_ char *text = NULL;
	struct statx st;
	char path[64];
	__u64 device;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &st))
		return 0;
	device = (__u64)st.stx_dev_major << 20 | st.stx_dev_minor;
	/* On a real block device st_dev is s_dev. */
	if (st.stx_dev_major || !(st.stx_mask & STATX_MNT_ID))
		return device;
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	if (!read_text(path, &text))
		mount_device(text, st.stx_mnt_id, &device);
	return device;
}
