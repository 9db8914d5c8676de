// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where new functions come from: lua_load (lapi.c), in LuaJIT lua_loadx. None of them runs before it returns, and it returns whatever
 * happens in it (luaD_protectedparser, lj_vm_cpcall). So probes at its rets come between all that ran before and a new function.
 */
#include <elf.h>
#include <stdlib.h>

#include "../../profiler/base/cleanup.h"
#include "../x86.h"
#include "lua.h"

#define MAX_FUNCTION 4096 /* bytes */

/* The rets of a function that leaves by nothing else; 0: it is not so, or they are more than `max`. */
static unsigned find_rets(const unsigned char *code, const struct elf_symbol *symbol, __u64 *rets, unsigned max)
{
	struct x86_insn insn;
	unsigned count = 0;

	for (__u64 at = 0; at < symbol->size; at += insn.length) {
		if (!x86_decode(code + at, symbol->size - at, symbol->address + at, &insn))
			return 0;
		if ((insn.flow == X86_FLOW_JUMP || insn.flow == X86_FLOW_BRANCH) && insn.target - symbol->address >= symbol->size)
			return 0;
		if (insn.flow == X86_FLOW_RETURN && count < max)
			rets[count] = symbol->address + at;
		count += insn.flow == X86_FLOW_RETURN;
	}
	return count <= max ? count : 0;
}

bool lua_watch_load(const struct elf *elf, const char *name, struct runtime_binary *ret)
{
	_cleanup_free_ unsigned char *code = NULL;
	struct elf_symbol symbol;
	__u64 rets[2] = { 0 };
	unsigned count;

	ret->code_dealloc = ret->code_dealloc_too = 0;
	if (elf_machine(elf) != EM_X86_64 || elf_symbol(elf, name, &symbol) || symbol.type != STT_FUNC || symbol.size > MAX_FUNCTION)
		return false;
	code = malloc(symbol.size + 1);
	if (!code || elf_read(elf, symbol.address, code, symbol.size))
		return false;
	count = find_rets(code, &symbol, rets, 2);
	if (!count || elf_offset(elf, rets[0], PF_X, &ret->code_dealloc))
		return false;
	if (count > 1 && elf_offset(elf, rets[1], PF_X, &ret->code_dealloc_too))
		ret->code_dealloc = 0;
	return ret->code_dealloc != 0;
}
