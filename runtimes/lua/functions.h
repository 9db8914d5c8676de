/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions of a file of Lua: where each begins and ends, stripped or not, and its instructions. */
#ifndef SCRY_LUA_FUNCTIONS_H
#define SCRY_LUA_FUNCTIONS_H

#include "../../profiler/elf.h"
#include "../native/extents.h"
#include "../python/sites.h"
#include "../x86.h"

#define LUA_MAX_FUNCTION (64u << 10) /* bytes; larger ones are not looked at */

struct lua_functions {
	const struct elf *elf;
	struct python_code code;
	struct extents extents;
};

/* 0; -ENOTSUP: another machine's code, or the file does not tell where its functions are; -ENOMEM. */
int lua_functions_open(const struct elf *elf, struct lua_functions *ret);
void lua_functions_close(struct lua_functions *functions); /* a zeroed one too */

/* The function that begins there, or has this address; NULL: none. */
const struct extents_row *lua_function_at(const struct lua_functions *functions, __u64 address);
const struct extents_row *lua_function_of(const struct lua_functions *functions, __u64 address);

bool lua_instruction(const struct lua_functions *functions, __u64 address, struct x86_insn *ret);

/* The instructions of a function, in the order of their addresses. */
struct lua_code {
	struct lua_instruction {
		__u64 address;
		struct x86_insn insn;
	} *list;
	size_t count;
};

/* 0; -ENOTSUP: not all of its code is known; -ENOMEM. Freed by lua_code_deinit(), also where it fails. */
int lua_code_read(const struct lua_functions *functions, const struct extents_row *row, struct lua_code *ret);
void lua_code_deinit(struct lua_code *code);

/* Does a function call another, or end by jumping to it? */
bool lua_code_calls(const struct lua_code *code, __u64 function);

#endif
