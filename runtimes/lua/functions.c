// SPDX-License-Identifier: GPL-2.0-only
#include "functions.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>

int lua_functions_open(const struct elf *elf, struct lua_functions *ret)
{
	int err;

	*ret = (struct lua_functions){ .elf = elf };
	if (elf_machine(elf) != EM_X86_64)
		return -ENOTSUP;
	err = python_code_read(elf, &ret->code);
	err = err ?: extents_read(elf, &ret->extents);
	return err && err != -ENOMEM ? -ENOTSUP : err;
}

void lua_functions_close(struct lua_functions *f)
{
	extents_deinit(&f->extents);
	python_code_deinit(&f->code);
}

const struct extents_row *lua_function_of(const struct lua_functions *f, __u64 address)
{
	return extents_row_of(&f->extents, address);
}

const struct extents_row *lua_function_at(const struct lua_functions *f, __u64 address)
{
	const struct extents_row *row = lua_function_of(f, address);

	return row && row->start == address && row->length <= LUA_MAX_FUNCTION ? row : NULL;
}

bool lua_instruction(const struct lua_functions *f, __u64 address, struct x86_insn *ret)
{
	__u64 at = address - f->code.address;

	return at < f->code.size && x86_decode(f->code.bytes + at, f->code.size - at, address, ret);
}

int lua_code_read(const struct lua_functions *f, const struct extents_row *row, struct lua_code *ret)
{
	__u64 at = row->start, end = row->start + row->length;

	*ret = (struct lua_code){ .list = NULL };
	if (row->length > LUA_MAX_FUNCTION)
		return -ENOTSUP;
	ret->list = calloc(row->length + 1, sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	for (; at < end; at += ret->list[ret->count++].insn.length) {
		ret->list[ret->count].address = at;
		if (!lua_instruction(f, at, &ret->list[ret->count].insn))
			return -ENOTSUP;
	}
	return 0;
}

void lua_code_deinit(struct lua_code *code)
{
	free(code->list);
	*code = (struct lua_code){ .list = NULL };
}

bool lua_code_calls(const struct lua_code *code, __u64 function)
{
	for (size_t i = 0; i < code->count; i++)
		if (code->list[i].insn.target == function)
			return true;
	return false;
}
