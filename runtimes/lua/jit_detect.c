// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a file a LuaJIT 2.1, and where does its global_State keep what the walker reads? Releases of the same version number differ in that,
 * so it is read from the code of the interpreter itself (vm_x64.dasc), which addresses all of it relative to r14.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/cleanup.h"
#include "lua.h"

#define MAX_BYTES (64u << 20)

/* BC_JLOOP: mov rcx,[r14+TRACE]; mov rax,[rcx+rax*8]; mov rax,[rax+88]; mov rbp,[rsp+16]; mov [r14+JIT_BASE],rdx */
static const unsigned char jloop_a[] = { 0x49, 0x8b, 0x8e };
static const unsigned char jloop_b[] = { 0x48, 0x8b, 0x04, 0xc1, 0x48, 0x8b, 0x40, 0x58, 0x48, 0x8b, 0x6c, 0x24, 0x10, 0x49, 0x89, 0x96 };
#define JLOOP_SIZE (sizeof(jloop_a) + 4 + sizeof(jloop_b) + 4)
/* mov r14,[rbp+16]; add r14,DISPATCH */
static const unsigned char dispatch[] = { 0x4c, 0x8b, 0x75, 0x10, 0x49, 0x81, 0xc6 };
/* mov dword [r14+VMSTATE],-1 */
static const unsigned char interp[] = { 0x41, 0xc7, 0x86 };

struct code {
	unsigned char *bytes;
	size_t size;
};

static __s32 number_at(const unsigned char *p)
{
	__s32 n;

	memcpy(&n, p, sizeof(n));
	return n;
}

static const unsigned char *find(const struct code *c, const unsigned char *from, const void *what, size_t size)
{
	return memmem(from, c->bytes + c->size - from, what, size);
}

static bool find_jloop(const struct code *c, __s32 *trace, __s32 *jit_base)
{
	for (const unsigned char *p = c->bytes; (p = find(c, p, jloop_b, sizeof(jloop_b))); p++) {
		const unsigned char *start = p - 4 - sizeof(jloop_a);

		if (p - c->bytes < 7 || c->bytes + c->size - start < (ptrdiff_t)JLOOP_SIZE || memcmp(start, jloop_a, sizeof(jloop_a)))
			continue;
		*trace = number_at(p - 4);
		*jit_base = number_at(p + sizeof(jloop_b));
		return true;
	}
	return false;
}

/* The displacement that -1 is stored to most often: the interpreter says so whenever it is entered. */
static bool find_vmstate(const struct code *c, __s32 *ret)
{
	__s32 seen[16], best = 0;
	unsigned times[16] = { 0 }, count = 0;

	for (const unsigned char *p = c->bytes; (p = find(c, p, interp, sizeof(interp))) && c->bytes + c->size - p >= 11; p++) {
		unsigned i = 0;

		if (number_at(p + 7) != -1)
			continue;
		while (i < count && seen[i] != number_at(p + 3))
			i++;
		if (i == 16)
			continue;
		seen[i] = number_at(p + 3);
		count = i == count ? count + 1 : count;
		times[i]++;
	}
	for (unsigned i = 0; i < count; i++)
		if (times[i] > times[best])
			best = i;
	*ret = count ? seen[best] : 0;
	return count && times[best] > 2;
}

static int code_read(const struct elf *elf, struct code *ret)
{
	struct elf_range text;

	ret->bytes = elf_section_bytes(elf, ".text", MAX_BYTES, &text);
	ret->size = ret->bytes ? text.size : 0;
	return ret->size < 4096 ? -ENOENT : 0;
}

/* "2.1.0-beta3", "2.1.1700008891": what follows "LuaJIT " in .rodata. */
static bool version_of(const struct elf *elf, char *ret, size_t size)
{
	static const char name[] = "LuaJIT 2.";
	struct elf_range range;
	_cleanup_free_ char *bytes = elf_section_bytes(elf, ".rodata", MAX_BYTES, &range);
	const char *found;
	size_t n;

	found = bytes ? memmem(bytes, range.size, name, sizeof(name) - 1) : NULL;
	if (!found)
		return false;
	n = strlen("LuaJIT ");
	n += strspn(found + n, "0123456789.-abcdefghijklmnopqrstuvwxyz");
	if (n >= size)
		return false;
	memcpy(ret, found, n);
	ret[n] = 0;
	return true;
}

/* Offsets in what has the same place in all releases: lj_obj.h with LJ_GC64. */
static const struct lua_layout fixed = {
	.jit = 1, .state_tag = 9, .thread_tag = 6, .state_status = 11, .state_global = 16, .state_stack = 56, .state_stack_last = 48,
	.state_errorJmp = 80, .state_ci = 80, .state_base_ci = 0, .state_bytes = 88, .proto_bytes = 104, .string_text = 24,
	.upvalue_stride = 8,
};

static bool layout_of(const struct elf *elf, struct lua_layout *l)
{
	struct code code = { 0 };
	__s32 trace, jit_base, vmstate, global;
	const unsigned char *p = NULL;
	bool found = !code_read(elf, &code) && find_jloop(&code, &trace, &jit_base) && find_vmstate(&code, &vmstate) &&
		     (p = find(&code, code.bytes, dispatch, sizeof(dispatch))) &&
		     code.bytes + code.size - p >= (ptrdiff_t)sizeof(dispatch) + 4;

	if (found) {
		global = number_at(p + sizeof(dispatch));
		*l = fixed;
		l->jit_vmstate = vmstate + global;
		l->jit_base = jit_base + global;
		l->jit_trace = trace + global;
		/* To 2.1.0-beta3 of 2017 other members stood between. */
		l->global_mainthread = l->jit_vmstate == 128 ? 200 : l->jit_vmstate + 8;
		found = vmstate + global > 0 && vmstate + global < 1024 && jit_base + global > vmstate + global &&
			jit_base + global < 2048 && trace + global > jit_base + global && trace + global < 16384;
	}
	free(code.bytes);
	return found;
}

int jit_recognise(const struct elf *elf, struct runtime_binary *ret, char *why, size_t size)
{
	struct scry_lua *lua = &ret->wire.lua;
	struct elf_symbol symbol;

	if (!version_of(elf, ret->version, sizeof(ret->version)))
		return -ENOENT;
	if (elf_machine(elf) != EM_X86_64 || !layout_of(elf, &lua->layout)) {
		/* Programs that use the library have the text too. */
		if (elf_export(elf, "luaJIT_setmode", &symbol))
			return -ENOENT;
		snprintf(why, size, "%s is known with 64-bit references (GC64) on x86-64 only", ret->version);
		return -ENOTSUP;
	}
	lua->version = LUA_VERSION_JIT;
	ret->layout_from = "the interpreter's code";
	ret->collector = "incremental";
	lua->watches_load = lua_watch_load(elf, "lua_loadx", ret);
	return 0;
}
