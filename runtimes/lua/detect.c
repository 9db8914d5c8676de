// SPDX-License-Identifier: GPL-2.0-only
/* Is a file a Lua, and of which release? */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "lua.h"

#define MAX_RODATA (64u << 20)

/* How lua_ident begins (lapi.c), which the linker keeps in every program that has the interpreter. */
static const char *const idents[] = { "$LuaVersion: Lua ", "$Lua: Lua " /* 5.1 */ };

/* "5.4.4", or "5.1" for the first release of a version. 0: it is something else. */
static unsigned parse_release(const char *s, const char *end)
{
	unsigned number[3] = { 0 }, count = 0;

	for (; count < 3 && s < end && *s >= '0' && *s <= '9'; count++) {
		for (; s < end && *s >= '0' && *s <= '9' && number[count] < 100; s++)
			number[count] = number[count] * 10 + (*s - '0');
		if (s == end || *s != '.')
			return s < end && *s == ' ' && count ? LUA_RELEASE(number[0], number[1], number[2]) : 0;
		s++;
	}
	return 0;
}

static unsigned find_release(const char *bytes, size_t size)
{
	const char *end = bytes + size;

	for (size_t i = 0; i < ARRAY_SIZE(idents); i++) {
		size_t length = strlen(idents[i]);

		for (const char *s = bytes; (s = memmem(s, end - s, idents[i], length)); s++) {
			unsigned release = parse_release(s + length, end);

			if (release)
				return release;
		}
	}
	return 0;
}

/* 5.1 compiled as C++ keeps no lua_ident, which nothing there refers to: a file that exports Lua's API and has its _VERSION alone. */
static bool is_51(const struct elf *elf, const char *bytes, size_t size)
{
	static const char version[] = "\0Lua 5.1", jit[] = "LuaJIT";
	struct elf_symbol symbol;

	return !elf_export(elf, "lua_newstate", &symbol) && memmem(bytes, size, version, sizeof(version)) &&
	       !memmem(bytes, size, jit, sizeof(jit) - 1);
}

unsigned lua_release_of(const struct elf *elf)
{
	unsigned found;
	_cleanup_free_ char *bytes = NULL;
	struct elf_symbol symbol;
	struct elf_range range;
	char ident[64];

	if (!elf_symbol(elf, "lua_ident", &symbol) && !elf_read(elf, symbol.address, ident, sizeof(ident))) {
		unsigned release = find_release(ident, sizeof(ident));

		if (release)
			return release;
	}
	bytes = elf_section_bytes(elf, ".rodata", MAX_RODATA, &range);
	found = bytes ? find_release(bytes, range.size) : 0;
	return !found && bytes && is_51(elf, bytes, range.size) ? LUA_RELEASE(5, 1, 0) : found;
}

static int unknown(char *why, size_t size, unsigned release, const char *what)
{
	snprintf(why, size, "Lua %u.%u.%u is not known%s; known are %s", release >> 16, release >> 8 & 255, release & 255,
		 what, lua_known_versions);
	return -ENOTSUP;
}

static void describe(const struct elf *elf, struct runtime_binary *ret)
{
	unsigned char id[20];
	__u64 address;
	size_t size = elf_build_id(elf, id, sizeof(id), &address);
	struct elf_range code;

	if (!elf_code(elf, &code)) {
		ret->wire.lua.text = code.address;
		ret->wire.lua.text_bytes = code.size;
	}

	for (size_t i = 0; i < size && i < sizeof(id); i++)
		sprintf(ret->build_id + 2 * i, "%02x", id[i]);
	ret->stripped = elf_is_stripped(elf);
	ret->shared = !elf_is_program(elf);
}

int lua_recognise(const struct elf *elf, const char *path, pid_t pid, __u64 bias, struct runtime_binary *ret, char *why,
		  size_t size)
{
	unsigned release = lua_release_of(elf);
	struct scry_lua *lua = &ret->wire.lua;
	const struct lua_row *row;

	if (!release) {
		int err = jit_recognise(elf, ret, why, size);

		if (!err)
			describe(elf, ret);
		return err;
	}
	row = lua_row(release);
	if (!row)
		return unknown(why, size, release, "");
	if (elf_machine(elf) != EM_X86_64 && elf_machine(elf) != EM_AARCH64)
		return unknown(why, size, release, " on this machine");
	lua->version = release >> 8;
	lua->layout = row->layout;
	lua_layout_spans(&lua->layout);
	if (release == LUA_RELEASE(5, 1, 0)) /* or a later one that does not tell */
		snprintf(ret->version, sizeof(ret->version), "5.1");
	else
		snprintf(ret->version, sizeof(ret->version), "%u.%u.%u", release >> 16, release >> 8 & 255, release & 255);
	ret->layout_from = row->name;
	ret->collector = lua->version >= LUA_VERSION(5, 4) ? "incremental or generational" : "incremental";
	lua->watches_load = lua_watch_load(elf, "lua_load", ret);
	describe(elf, ret);
	return 0;
}
