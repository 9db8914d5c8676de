/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * corrupt KIND: a program with Lua 5.4 inside that corrupts what Lua knows of its own stack, and then spins in C, where Lua does not look
 * at it but a profiler does. Offsets from lstate.h and lobject.h of 5.4.3 to 5.4.9.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_CI	32
#define STATE_ERRORJMP	88
#define CI_FUNC		0
#define CI_PREVIOUS	16
#define CI_SAVEDPC	32
#define CLOSURE_P	24
#define PROTO_SIZES	16 /* upvalues, k, code, lineinfo, p, locvars, abslineinfo: ints */
#define PROTO_CODE	64
#define PROTO_SOURCE	112
#define UNMAPPED	0x7fffdead0008
#define STATES		512

static const char *kind;
static volatile int forever = 1;

static uint64_t *word(uint64_t object, unsigned offset)
{
	return (uint64_t *)(object + offset);
}

/* Random words, of which each fourth points into the block itself. */
static uint64_t block(size_t size)
{
	uint64_t address = (uint64_t)calloc(1, size + 64);

	for (size_t at = 0; at + 8 <= size; at += 8)
		*word(address, at) = at % 32 ? (uint64_t)rand() << 32 | rand() : address + rand() % size;
	return address;
}

/* A long string that says to have 1 GiB; `text` is what it has. */
static uint64_t giant(const char *text)
{
	uint64_t string = block(4096);

	*word(string, 8) = 20; /* LUA_VLNGSTR */
	*word(string, 16) = 1 << 30;
	memcpy((char *)string + 24, text, strlen(text) + 1);
	return string;
}

/* The C stack is full of states that all say that they run. */
static void many(uint64_t L)
{
	uint64_t volatile on_stack[STATES];

	for (int i = 0; i < STATES; i++) {
		uint64_t state = (uint64_t)malloc(256);

		memcpy((void *)state, (void *)L, 200);
		*word(state, STATE_ERRORJMP) = (uint64_t)&on_stack[i];
		on_stack[i] = state;
	}
	puts("corrupt");
	fflush(stdout);
	while (forever)
		on_stack[1] = on_stack[0];
}

static int spin(lua_State *L)
{
	uint64_t ci = *word((uint64_t)L, STATE_CI), caller = *word(ci, CI_PREVIOUS), closure = *word(*word(caller, CI_FUNC), 0),
		 proto = *word(closure, CLOSURE_P);

	if (!strcmp(kind, "self"))
		*word(ci, CI_PREVIOUS) = ci;
	else if (!strcmp(kind, "cycle"))
		*word(*word(caller, CI_PREVIOUS), CI_PREVIOUS) = caller;
	else if (!strcmp(kind, "wild"))
		*word(ci, CI_PREVIOUS) = UNMAPPED;
	else if (!strcmp(kind, "random"))
		*word(ci, CI_PREVIOUS) = block(4096);
	else if (!strcmp(kind, "closure"))
		*word(closure, CLOSURE_P) = block(4096);
	else if (!strcmp(kind, "code"))
		*word(proto, PROTO_CODE) = *word(caller, CI_SAVEDPC) = UNMAPPED;
	else if (!strcmp(kind, "sizes"))
		for (int i = 0; i < 7; i++)
			((int *)(proto + PROTO_SIZES))[i] = 0x7fffffff;
	else if (!strcmp(kind, "string"))
		*word(proto, PROTO_SOURCE) = giant("=\033]0;owned\007\n\r<script>&\xff\xfe");
	else if (!strcmp(kind, "many"))
		many((uint64_t)L);
	puts("corrupt");
	fflush(stdout);
	while (forever)
		;
	return 0;
}

int main(int argc, char **argv)
{
	lua_State *L = luaL_newstate();

	kind = argc > 1 ? argv[1] : "";
	luaL_openlibs(L);
	lua_register(L, "spin", spin);
	luaL_loadstring(L, "local function inner() spin() return 1 end local function outer() return (inner()) end return (outer())");
	lua_pcall(L, 0, 0, 0);
	return 0;
}
