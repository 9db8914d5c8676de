/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs a script by the Lua in a shared library: LIBRARY SCRIPT ARGS... */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *lua;

static void *need(const char *name)
{
	void *found = dlsym(lua, name);

	if (!found) {
		fprintf(stderr, "no %s\n", name);
		exit(1);
	}
	return found;
}

int main(int argc, char **argv)
{
	char text[4096];
	int n;

	lua = argc > 2 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
	if (!lua)
		return 1;
	void *state = ((void *(*)(void))need("luaL_newstate"))();
	((void (*)(void *))need("luaL_openlibs"))(state);
	n = snprintf(text, sizeof(text), "arg = { [0] = [[%s]]", argv[2]);
	for (int i = 3; i < argc && n < (int)sizeof(text); i++)
		n += snprintf(text + n, sizeof(text) - n, ", [[%s]]", argv[i]);
	snprintf(text + n, sizeof(text) - n, " } dofile(arg[0])");
	if (((int (*)(void *, const char *))need("luaL_loadstring"))(state, text))
		return 1;
	/* not protected: what goes wrong is said and ends it */
	if (dlsym(lua, "lua_callk"))
		((void (*)(void *, int, int, long, void *))need("lua_callk"))(state, 0, 0, 0, NULL);
	else
		((void (*)(void *, int, int))need("lua_call"))(state, 0, 0);
	return 0;
}
