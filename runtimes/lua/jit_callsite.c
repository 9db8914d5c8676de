// SPDX-License-Identifier: GPL-2.0-only
/* Names by which LuaJIT's bytecode calls: lj_debug_funcname and lj_debug_slotname (lj_debug.c), opcodes of lj_bc.h. */
#include <string.h>

#include "proto.h"

enum { MOV = 18, KNIL = 44, UGET = 45, GGET = 54, TGETS = 57, CALLM = 65, ITERC = 69, ITERN = 70 };

/* Bits by opcode: A is the first of those that it may write (mode base). */
static const uint64_t bases[2] = { 0x8000100000000000, 0x1fe3fe };

static bool is_base(unsigned op)
{
	return op < 128 && bases[op >> 6] >> (op & 63) & 1;
}

/* A is what it writes (mode dst). */
static bool sets_a(unsigned op)
{
	return op == 12 || op == 13 || (op >= 18 && op <= 43) || op == 45 || (op >= 51 && op <= 54) || (op >= 56 && op <= 59);
}

static const struct {
	unsigned char first, last;
	const char *name;
} metas[] = {
	{ 0, 1, "__lt" }, { 2, 3, "__le" }, { 4, 11, "__eq" }, { 20, 20, "__unm" }, { 21, 21, "__len" }, { 22, 22, "__add" },
	{ 23, 23, "__sub" }, { 24, 24, "__mul" }, { 25, 25, "__div" }, { 26, 26, "__mod" }, { 27, 27, "__add" }, { 28, 28, "__sub" },
	{ 29, 29, "__mul" }, { 30, 30, "__div" }, { 31, 31, "__mod" }, { 32, 32, "__add" }, { 33, 33, "__sub" }, { 34, 34, "__mul" },
	{ 35, 35, "__div" }, { 36, 36, "__mod" }, { 37, 37, "__pow" }, { 38, 38, "__concat" }, { 51, 53, "__gc" }, { 54, 54, "__index" },
	{ 55, 55, "__newindex" }, { 56, 59, "__index" }, { 60, 64, "__newindex" },
};

static const char *text(const struct lua_proto *p, uint32_t table, uint32_t count, uint32_t i)
{
	uint32_t at = i < count ? ((const uint32_t *)((const char *)p + table))[i] : 0;

	return at ? (const char *)p + at : NULL;
}

static const char *local(const struct lua_proto *p, uint32_t pc, uint32_t slot)
{
	const struct lua_local *locals = (const struct lua_local *)((const char *)p + p->local_names);

	for (uint32_t i = 0; i < p->locals && locals[i].first <= pc; i++)
		if (pc < locals[i].last && !slot--)
			return locals[i].name ? (const char *)p + locals[i].name : NULL;
	return NULL;
}

static const char *slot_name(const struct lua_proto *p, uint32_t pc, uint32_t slot)
{
	const uint32_t *code = (const uint32_t *)((const char *)p + p->code);
	const char *name = local(p, pc, slot);

	while (!name && pc > 1) {
		uint32_t i = code[--pc];
		unsigned op = i & 255, a = i >> 8 & 255, d = i >> 16;

		if (is_base(op)) {
			if (slot >= a && (op != KNIL || slot <= d))
				return NULL;
			continue;
		}
		if (!sets_a(op) || a != slot)
			continue;
		switch (op) {
		case MOV:
			slot = d;
			name = local(p, pc, slot);
			continue;
		case GGET:
			return text(p, p->constant_names, p->constants, d);
		case TGETS:
			return text(p, p->constant_names, p->constants, i >> 16 & 255);
		case UGET:
			return text(p, p->upvalue_names, p->upvalues, d);
		default:
			return NULL;
		}
	}
	return name;
}

const char *jit_callsite_name(const struct lua_proto *p, uint32_t pc)
{
	uint32_t i;
	unsigned op;

	if (pc >= p->instructions)
		return NULL;
	i = ((const uint32_t *)((const char *)p + p->code))[pc];
	op = i & 255;
	if (op >= CALLM && op <= ITERN)
		return slot_name(p, pc, (i >> 8 & 255) - (op == ITERC ? 3 : 0));
	for (size_t m = 0; m < sizeof(metas) / sizeof(metas[0]); m++)
		if (op >= metas[m].first && op <= metas[m].last)
			return metas[m].name;
	return NULL;
}
