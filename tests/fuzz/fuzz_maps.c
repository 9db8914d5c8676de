// SPDX-License-Identifier: GPL-2.0-only
/* Texts that name code: /tmp/perf-PID.map, written in two parts, and /proc/kallsyms. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtimes/native/kernel_symbols.h"
#include "runtimes/native/perf_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/scry-fuzz-XXXXXX";
static int root = -1, file = -1;

static void tidy(void)
{
	unlinkat(root, "map", 0);
	rmdir(folder);
}

static void open_folder(void)
{
	if (file >= 0)
		return;
	if (!mkdtemp(folder))
		abort();
	root = open(folder, O_PATH);
	file = openat(root, "map", O_RDWR | O_CREAT, 0600);
	atexit(tidy);
}

static void look(struct perf_map *map)
{
	volatile size_t sink = 0;

	for (__u64 address = 0; address < 64; address++) {
		const char *name = perf_map_find(map, address * 0x101);

		sink += name ? strlen(name) : 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel_symbols *symbols;
	struct perf_map *map;
	FILE *text;

	open_folder();
	if (ftruncate(file, 0) || pwrite(file, data, size / 2, 0) < 0 || perf_map_open_at(root, "/map", &map))
		return 0;
	look(map);
	if (pwrite(file, data + size / 2, size - size / 2, size / 2) >= 0)
		look(map);
	perf_map_close(map);
	text = size ? fmemopen((void *)data, size, "r") : NULL;
	if (text && !kernel_symbols_read(text, &symbols)) {
		for (__u64 address = 0; address < 64; address++)
			kernel_symbols_find(symbols, address << 56 | address);
		kernel_symbols_close(symbols);
	}
	if (text)
		fclose(text);
	return 0;
}
