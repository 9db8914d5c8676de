// SPDX-License-Identifier: GPL-2.0-only
#include "lua.h"

const struct runtime_ops lua_runtime = {
	.name = "lua",
	.id = SCRY_RUNTIME_LUA,
	.library = "liblua", /* liblua5.4.so.0, liblua.so.5.4, libluajit-5.1.so.2 */
	.map = "luas",
	.wire_size = sizeof(struct scry_lua),
	.hides_values = true,
	.by_content = true,
	.recognise = lua_recognise,
	.decode = lua_decode,
	.line = lua_line,
	.call_name = lua_call_name,
	.probes = lua_probes,
	.eval = lua_eval,
	.events = lua_events,
};
