// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "lua.h"

/* Every executable; of libraries those named like liblua5.4.so.0, liblua.so.5.4 or libluajit-5.1.so.2. */
static bool may_be(const char *path, bool is_executable)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	return is_executable || (!strncmp(base, "liblua", 6) && strstr(base, ".so"));
}

const struct runtime_ops lua_runtime = {
	.name = "lua",
	.id = SCRY_RUNTIME_LUA,
	.map = "luas",
	.wire_size = sizeof(struct scry_lua),
	.by_content = true,
	.recognise = lua_recognise,
	.may_be = may_be,
	.decode = lua_decode,
	.line = lua_line,
	.call_name = lua_call_name,
	.probes = lua_probes,
	.eval = lua_eval,
	.events = lua_events,
};
