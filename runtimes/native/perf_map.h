/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of code that a program made at run time, where it writes them to /tmp/perf-PID.map for tools to read: CPython with
 * -X perf, node, Java agents and others. Lines "START SIZE name", in hexadecimal; one that comes later stands where two
 * overlap.
 */
#ifndef SCRY_NATIVE_PERF_MAP_H
#define SCRY_NATIVE_PERF_MAP_H

#include <linux/types.h>
#include <sys/types.h>

struct perf_map;

/*
 * Of a process that lives; the file need not be there yet. One that is older than the process, or another user's, is left alone.
 * 0 or -errno, not reported.
 */
int perf_map_open(pid_t pid, struct perf_map **ret);
/* The same of a file below a root (root.h), which stays the caller's. */
int perf_map_open_at(int root, const char *path, struct perf_map **ret);
void perf_map_close(struct perf_map *map); /* NULL is allowed */

/* The name at an address, after reading what the program has written since; valid until the next look-up. NULL: none. */
const char *perf_map_find(struct perf_map *map, __u64 address);

/* Grows whenever names came: what was not found before may be now, and what was may be another function. */
unsigned perf_map_generation(const struct perf_map *map);

#endif
