// SPDX-License-Identifier: GPL-2.0-only
#include "perf_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../profiler/base/array.h"
#include "../../profiler/base/buffer.h"
#include "../../profiler/base/file.h"
#include "../../profiler/proc.h"
#include "root.h"
#include "symbol_table.h"

#define MAX_ENTRIES (2u << 20)
#define MAX_TEXT    (256u << 20) /* bytes of the file that are read */
#define MAX_PATH    64
#define PIECE	    (1u << 16)
#define START_SLACK 2 /* seconds by which the clocks may differ */
#define MAX_TAIL    4096 /* entries looked at one by one before they are sorted in */

/* The newest entries are searched from their end; behind those sorted in they grow to a share of them, so that each is sorted
 * a few times only, however the file grows. */
struct perf_map {
	int root, file; /* file: -1 before it is there */
	char path[MAX_PATH];
	bool owned;	/* root is ours */
	bool checked;	/* it must be of a process, which was started then and whose user it is */
	uid_t user;
	__s64 since;	/* seconds since 1970 */
	__u64 read;	/* bytes of the file */
	struct buffer line; /* the last, as far as it has been written */
	struct symbol_entry *entries;
	size_t count, room, sorted;
	char **names; /* of the entries, by priority */
	size_t names_room;
	struct symbol_table table; /* of the first `sorted` */
	unsigned generation;
};

int perf_map_open_at(int root, const char *path, struct perf_map **ret)
{
	struct perf_map *map = calloc(1, sizeof(*map));

	if (!map)
		return -ENOMEM;
	map->root = root;
	map->file = -1;
	snprintf(map->path, sizeof(map->path), "%s", path);
	*ret = map;
	return 0;
}

/* When a process was started, in seconds since 1970: field 22 of its stat (man 5 proc), in ticks since the machine was. */
static int start_time(pid_t pid, __s64 *ret)
{
	struct timespec real, boot;
	unsigned long long ticks;
	char path[64], text[1024];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	at = file_read_text(path, text, sizeof(text)) > 0 ? strrchr(text, ')') : NULL; /* behind the name */
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks) != 1)
		return -ESRCH;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	*ret = real.tv_sec - boot.tv_sec + (__s64)(ticks / sysconf(_SC_CLK_TCK));
	return 0;
}

int perf_map_open(pid_t pid, struct perf_map **ret)
{
	struct proc_status status;
	char path[MAX_PATH];
	__s64 since;
	int err = proc_status(pid, &status) ?: start_time(pid, &since), root = err ? err : root_open(pid);

	if (root < 0)
		return root;
	/* Named by the process itself, as it knows its number. */
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", status.inner);
	err = perf_map_open_at(root, path, ret);
	if (err) {
		close(root);
		return err;
	}
	(*ret)->owned = (*ret)->checked = true;
	(*ret)->user = status.user;
	(*ret)->since = since;
	return 0;
}

/* As before anything was read. */
static void forget(struct perf_map *map)
{
	for (size_t i = 0; i < map->count; i++)
		free(map->names[i]);
	symbol_table_deinit(&map->table);
	buffer_clear(&map->line);
	map->count = map->sorted = 0;
	map->read = 0;
}

void perf_map_close(struct perf_map *map)
{
	if (!map)
		return;
	forget(map);
	free(map->entries);
	free(map->names);
	buffer_deinit(&map->line);
	if (map->file >= 0)
		close(map->file);
	if (map->owned)
		close(map->root);
	free(map);
}

unsigned perf_map_generation(const struct perf_map *map)
{
	return map->generation;
}

static bool take_number(const char **at, __u64 *ret)
{
	char *end;

	if (!strchr("0123456789abcdefABCDEF", **at) || !**at)
		return false;
	errno = 0;
	*ret = strtoull(*at, &end, 16);
	if (errno || *end != ' ')
		return false;
	*at = end + strspn(end, " ");
	return true;
}

/* Lines that are not as they should be are left out. */
static void take_line(struct perf_map *map, const char *line)
{
	__u64 start, size;
	size_t n = map->count;

	if (!take_number(&line, &start) || !take_number(&line, &size) || !*line || !size || start + size < start ||
	    n >= MAX_ENTRIES || !array_reserve(&map->entries, &map->room, n + 1, sizeof(*map->entries)) ||
	    !array_reserve(&map->names, &map->names_room, n + 1, sizeof(*map->names)))
		return;
	map->names[n] = strndup(line, SYMBOL_NAME_MAX);
	if (!map->names[n])
		return;
	map->entries[n] = (struct symbol_entry){
		.start = start, .end = start + size, .priority = n, .name = map->names[n], .length = strlen(map->names[n]),
	};
	map->count++;
}

/* Whole lines are taken, the rest waits for its end. Of a line that is too long the beginning is kept. */
static void take_text(struct perf_map *map, const char *text, size_t size)
{
	while (size) {
		const char *newline = memchr(text, '\n', size);
		size_t part = newline ? (size_t)(newline - text) : size;

		if (map->line.size + part <= SYMBOL_NAME_MAX + 64)
			buffer_put(&map->line, text, part);
		part += !!newline;
		text += part;
		size -= part;
		if (!newline)
			break;
		buffer_put(&map->line, "", 1);
		if (!map->line.failed)
			take_line(map, (const char *)map->line.bytes);
		buffer_clear(&map->line);
	}
}

/* Numbers of processes are used again, and anybody may write to /tmp: is this file what the process has written? */
static bool is_of_process(const struct perf_map *map, const struct stat *st)
{
	return !map->checked || ((st->st_uid == map->user || !st->st_uid) && st->st_mtim.tv_sec + START_SLACK >= map->since);
}

static bool open_file(struct perf_map *map, struct stat *st)
{
	if (map->file < 0)
		map->file = root_open_file(map->root, map->path);
	if (map->file < 0 || fstat(map->file, st))
		return false;
	if (is_of_process(map, st))
		return true;
	close(map->file);
	map->file = -1;
	return false;
}

static void read_more(struct perf_map *map)
{
	char piece[PIECE];
	struct stat st;
	ssize_t n = 1;

	if (!open_file(map, &st))
		return;
	if ((__u64)st.st_size < map->read)
		forget(map); /* written anew */
	if ((__u64)st.st_size == map->read)
		return;
	while (n > 0 && map->read < MAX_TEXT) {
		n = pread(map->file, piece, sizeof(piece), map->read);
		if (n > 0) {
			take_text(map, piece, n);
			map->read += n;
		}
	}
	map->generation++;
}

/* Sorting leaves the entries' priorities, by which they stand in `names` and are brought back. */
static void sort_in(struct perf_map *map)
{
	struct symbol_table table;
	struct symbol_entry *copy;

	if (map->count - map->sorted < MAX_TAIL || map->count - map->sorted < map->sorted / 4)
		return;
	copy = malloc(map->count * sizeof(*copy));
	if (!copy)
		return;
	memcpy(copy, map->entries, map->count * sizeof(*copy));
	if (!symbol_table_make(copy, map->count, &table)) {
		symbol_table_deinit(&map->table);
		map->table = table;
		map->sorted = map->count;
	}
	free(copy);
}

const char *perf_map_find(struct perf_map *map, __u64 address)
{
	read_more(map);
	sort_in(map);
	for (size_t i = map->count; i-- > map->sorted;)
		if (address >= map->entries[i].start && address < map->entries[i].end)
			return map->names[i];
	return symbol_table_find(&map->table, address);
}
