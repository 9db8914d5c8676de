// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of Lua's functions made of anything, decoded as codebook_add() does, and lines and the names of calls asked of what comes
 * out. The process is none, so that what a record leaves out cannot be read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtimes/lua/lua.h"
#include "runtimes/lua/proto.h"

#define MOST (1u << 16) /* of what a record may claim, so that memory is not what is tested */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const unsigned releases[] = { LUA_RELEASE(5, 1, 5), LUA_RELEASE(5, 2, 4), LUA_RELEASE(5, 3, 6), LUA_RELEASE(5, 4, 4),
				     LUA_RELEASE(5, 5, 1), 0 };

static void choose(struct runtime_binary *binary, unsigned release)
{
	binary->ops = &lua_runtime;
	binary->wire.lua.version = release ? release >> 8 : LUA_VERSION_JIT;
	binary->wire.lua.layout = release ? lua_row(release)->layout : (struct lua_layout){ .jit = 1, .string_text = 24 };
}

static void bound(struct scry_code *record, size_t size)
{
	struct lua_seen *seen = (struct lua_seen *)record->bytes;

	record->head.pid = 0;
	record->file.chars %= MOST;
	if (size < sizeof(*record) + sizeof(*seen))
		return;
	for (int i = 0; i < LUA_PART_COUNT; i++)
		seen->part[i].count %= MOST;
}

static void ask(const struct runtime_binary *binary, const struct code_name *name)
{
	static const int places[] = { SCRY_AT_NONE, 0, 4, 8, 64, 400, 1 << 20, INT32_MAX };
	char called[64];

	if (!name->name || !name->file || strlen(name->name) > 65536 || strlen(name->file) > 65536)
		abort();
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (lua_line(binary, name, places[i]) < 0)
			abort();
		if (lua_call_name(binary, name, name, places[i], called, sizeof(called)) && strlen(called) >= sizeof(called))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct runtime_binary binary = { 0 };
	struct code_name name = { 0 };
	struct scry_code *record;

	if (!size)
		return -1;
	choose(&binary, releases[bytes[0] % (sizeof(releases) / sizeof(releases[0]))]);
	size--;
	record = malloc(size ? size : 1);
	if (!record)
		abort();
	memcpy(record, bytes + 1, size);
	if (size >= sizeof(*record))
		bound(record, size);
	if (!lua_decode(&binary, record, size, &name))
		ask(&binary, &name);
	code_name_deinit(&name);
	free(record);
	return 0;
}
