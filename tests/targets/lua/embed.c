/* SPDX-License-Identifier: GPL-2.0-only */
/* A program with Lua inside, which it calls without lua_pcall, and a function of its own that Lua knows by another name. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static int work_in_c(lua_State *L)
{
	volatile long x = 0;

	for (int i = 0; i < 20000; i++)
		x += i;
	lua_pushinteger(L, x);
	return 1;
}

int main(void)
{
	lua_State *L = luaL_newstate();

	luaL_openlibs(L);
	lua_register(L, "alias", work_in_c);
	luaL_loadstring(L, "local function f() return (alias()) end while true do f() end");
	lua_call(L, 0, 0);
	return 0;
}
