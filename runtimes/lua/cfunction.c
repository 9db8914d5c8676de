// SPDX-License-Identifier: GPL-2.0-only
/* What a C function is called. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "../../profiler/procmap.h"
#include "lua.h"

/* Its place, where nothing has a name for it: "<lua5.4+0x1234>". */
static char *place_of(const struct procmaps *maps, __u64 address)
{
	char *text = NULL;

	for (size_t i = 0; i < maps->count; i++) {
		const struct procmap *map = &maps->maps[i];
		const char *base = strrchr(map->path, '/');

		if (address < map->start || address >= map->end)
			continue;
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
	name = place_of(&maps, address);
	procmaps_deinit(&maps);
	return name;
}
