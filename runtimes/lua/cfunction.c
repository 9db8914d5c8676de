// SPDX-License-Identifier: GPL-2.0-only
/* What a C function is called. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../profiler/base/cleanup.h"
#include "../../profiler/procmap.h"
#include "../native/symbols.h"
#include "lua.h"

/* Binaries whose symbols are at hand; the oldest makes room. */
#define KEPT 8
static struct kept {
	dev_t device;
	ino_t inode;
	struct elf_range code;
	struct native_symbols *symbols; /* NULL: none can be read */
} kept[KEPT];
static unsigned kept_next;

static struct kept *kept_of(pid_t pid, const struct procmap *map)
{
	int fd = procmap_open(pid, map), own;
	struct elf *elf = NULL;
	struct kept *k;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	for (unsigned i = 0; i < KEPT; i++)
		if (kept[i].inode == st.st_ino && kept[i].device == st.st_dev) {
			close(fd);
			return &kept[i];
		}
	k = &kept[kept_next++ % KEPT];
	native_symbols_close(k->symbols);
	*k = (struct kept){ .device = st.st_dev, .inode = st.st_ino };
	own = dup(fd);
	if (own >= 0 && !elf_open(own, &elf)) {
		if (elf_code(elf, &k->code))
			k->code = (struct elf_range){ 0 };
		elf_close(elf);
	}
	if (native_symbols_open(fd, map->path, pid, false, &k->symbols))
		k->symbols = NULL;
	return k;
}

/* The innermost function is told first. */
static void take_name(void *ctx, const struct native_function *function)
{
	char **name = ctx;

	if (!*name && function->name && *function->name != '[')
		*name = strdup(function->name);
}

static char *symbol_of(pid_t pid, const struct procmap *map, __u64 address)
{
	struct kept *k = kept_of(pid, map);
	char *name = NULL;
	__u64 bias;

	if (k && k->symbols && k->code.size && !elf_code_bias(&k->code, map->start, map->offset, &bias))
		native_symbols_find(k->symbols, address - bias, take_name, &name);
	return name;
}

/* Its symbol, or its place, where nothing has a name for it: "<lua5.4+0x1234>". */
static char *place_of(pid_t pid, const struct procmaps *maps, __u64 address)
{
	char *text = NULL;

	for (size_t i = 0; i < maps->count; i++) {
		const struct procmap *map = &maps->maps[i];
		const char *base = strrchr(map->path, '/');

		if (address < map->start || address >= map->end)
			continue;
		text = symbol_of(pid, map, address);
		if (text)
			return text;
		return asprintf(&text, "C function <%s+0x%llx>", base ? base + 1 : map->path,
				address - map->start + map->offset) < 0 ? NULL : text;
	}
	return asprintf(&text, "C function <0x%llx>", address) < 0 ? NULL : text;
}

char *lua_c_name(pid_t pid, __u64 address)
{
	struct procmaps maps = { 0 };
	char *name;

	if (procmaps_read(pid, &maps))
		maps = (struct procmaps){ 0 };
	name = place_of(pid, &maps, address);
	procmaps_deinit(&maps);
	return name;
}
