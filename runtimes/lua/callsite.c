// SPDX-License-Identifier: GPL-2.0-only
/*
 * By which name a function is called: what the instructions before the call say of the register that the function is in. Done as each
 * version's ldebug.c does it for debug.getinfo (getfuncname, funcnamefromcode, getobjname, findsetreg; symbexec in 5.1), since that
 * is the name that Lua's own error messages use.
 */
#include <string.h>

#include "layout.h"
#include "proto.h"

/* What an instruction does, as far as names are concerned. */
enum what {
	MOVE = 1, LOADK, LOADKX, LOADNIL, GETUPVAL, GETGLOBAL, GETTABUP, GETTABLE, GETI, GETFIELD, SELF, JMP, CALL, TFORCALL,
	FORLOOP, CLOSURE, MMBIN, TEST,
};

struct operation {
	unsigned char opcode, what;
};

/* Metamethods by instruction. */
struct meta {
	unsigned char opcode;
	const char *name;
};

struct dialect {
	unsigned version; /* from this on */
	uint64_t sets_a[2]; /* bits by opcode: writes register A (lopcodes.c) */
	const struct operation *operations; /* until what is 0 */
	const struct meta *metas; /* until name is NULL */
};

/* Opcodes: lopcodes.h of each version. */
static const struct operation operations_51[] = {
	{ 0, MOVE }, { 3, LOADNIL }, { 4, GETUPVAL }, { 5, GETGLOBAL }, { 6, GETTABLE }, { 11, SELF }, { 22, JMP }, { 28, CALL },
	{ 29, CALL }, { 31, FORLOOP }, { 32, FORLOOP }, { 33, TFORCALL }, { 36, CLOSURE }, { 0, 0 } };
static const struct operation operations_52[] = {
	{ 0, MOVE }, { 1, LOADK }, { 2, LOADKX }, { 4, LOADNIL }, { 5, GETUPVAL }, { 6, GETTABUP }, { 7, GETTABLE }, { 12, SELF },
	{ 23, JMP }, { 27, TEST }, { 29, CALL }, { 30, CALL }, { 34, TFORCALL }, { 0, 0 } };
static const struct operation operations_53[] = {
	{ 0, MOVE }, { 1, LOADK }, { 2, LOADKX }, { 4, LOADNIL }, { 5, GETUPVAL }, { 6, GETTABUP }, { 7, GETTABLE }, { 12, SELF },
	{ 30, JMP }, { 36, CALL }, { 37, CALL }, { 41, TFORCALL }, { 0, 0 } };
static const struct operation operations_54[] = {
	{ 0, MOVE }, { 3, LOADK }, { 4, LOADKX }, { 8, LOADNIL }, { 9, GETUPVAL }, { 11, GETTABUP }, { 12, GETTABLE }, { 13, GETI },
	{ 14, GETFIELD }, { 20, SELF }, { 46, MMBIN }, { 47, MMBIN }, { 48, MMBIN }, { 56, JMP }, { 68, CALL }, { 69, CALL },
	{ 76, TFORCALL }, { 0, 0 } };
static const struct operation operations_55[] = {
	{ 0, MOVE }, { 3, LOADK }, { 4, LOADKX }, { 8, LOADNIL }, { 9, GETUPVAL }, { 11, GETTABUP }, { 12, GETTABLE }, { 13, GETI },
	{ 14, GETFIELD }, { 20, SELF }, { 46, MMBIN }, { 47, MMBIN }, { 48, MMBIN }, { 56, JMP }, { 68, CALL }, { 69, CALL },
	{ 76, TFORCALL }, { 81, GETTABLE /* GETVARG */ }, { 0, 0 } };

static const struct meta metas_51[] = { { 0, NULL } };
static const struct meta metas_52[] = {
	{ 6, "__index" }, { 7, "__index" }, { 12, "__index" }, { 8, "__newindex" }, { 10, "__newindex" }, { 13, "__add" },
	{ 14, "__sub" }, { 15, "__mul" }, { 16, "__div" }, { 17, "__mod" }, { 18, "__pow" }, { 19, "__unm" }, { 21, "__len" },
	{ 22, "__concat" }, { 24, "__eq" }, { 25, "__lt" }, { 26, "__le" }, { 0, NULL } };
static const struct meta metas_53[] = {
	{ 6, "__index" }, { 7, "__index" }, { 12, "__index" }, { 8, "__newindex" }, { 10, "__newindex" }, { 13, "__add" },
	{ 14, "__sub" }, { 15, "__mul" }, { 16, "__mod" }, { 17, "__pow" }, { 18, "__div" }, { 19, "__idiv" }, { 20, "__band" },
	{ 21, "__bor" }, { 22, "__bxor" }, { 23, "__shl" }, { 24, "__shr" }, { 25, "__unm" }, { 26, "__bnot" }, { 28, "__len" },
	{ 29, "__concat" }, { 31, "__eq" }, { 32, "__lt" }, { 33, "__le" }, { 0, NULL } };
/* From 5.4 on without the underscores. */
static const struct meta metas_54[] = {
	{ 20, "index" }, { 11, "index" }, { 12, "index" }, { 13, "index" }, { 14, "index" }, { 15, "newindex" }, { 16, "newindex" },
	{ 17, "newindex" }, { 18, "newindex" }, { 49, "unm" }, { 50, "bnot" }, { 52, "len" }, { 53, "concat" }, { 57, "eq" },
	{ 58, "lt" }, { 62, "lt" }, { 64, "lt" }, { 59, "le" }, { 63, "le" }, { 65, "le" }, { 54, "close" }, { 70, "close" },
	{ 0, NULL } };
/* enum TMS (ltm.h, 5.4+): argument C of MMBIN and its like. */
static const char *const events_54[] = { "index", "newindex", "gc", "mode", "len", "eq", "add", "sub", "mul", "mod", "pow", "div",
					 "idiv", "band", "bor", "bxor", "shl", "shr", "unm", "bnot", "lt", "le", "concat",
					 "call", "close" };

static const struct dialect dialects[] = {
	{ LUA_VERSION(5, 5), { 0x3e3ffffff87bff, 0x3a638 }, operations_55, metas_54 },
	{ LUA_VERSION(5, 4), { 0x3e3ffffff87bff, 0x3a638 }, operations_54, metas_54 },
	{ LUA_VERSION(5, 3), { 0x35b83ffff8ff, 0 }, operations_53, metas_53 },
	{ LUA_VERSION(5, 2), { 0x6b707ff8ff, 0 }, operations_52, metas_52 },
	{ LUA_VERSION(5, 1), { 0x31bc3ffc7f, 0 }, operations_51, metas_51 },
};

/* One instruction, taken apart. */
struct insn {
	unsigned opcode, a, b, c, bx, ax;
	bool k; /* c is a constant */
	int jump;
	enum what what;
};

struct site {
	const struct lua_proto *p;
	const struct dialect *dialect;
};

#define MAX_MOVES 16 /* followed from register to register */

static const uint32_t *code_of(const struct lua_proto *p)
{
	return (const uint32_t *)((const char *)p + p->code);
}

static void decode(const struct site *s, uint32_t pc, struct insn *ret)
{
	uint32_t i = code_of(s->p)[pc];
	const struct operation *o;

	if (s->dialect->version >= LUA_VERSION(5, 4)) {
		*ret = (struct insn){ .opcode = i & 127, .a = i >> 7 & 255, .k = i >> 15 & 1, .b = i >> 16 & 255, .c = i >> 24,
				      .bx = i >> 15, .ax = i >> 7, .jump = (int)(i >> 7) - 0xffffff };
		/* In GETTABLE C is always a register, in GETTABUP and GETFIELD always a constant; SELF has a bit (5.4). */
	} else {
		*ret = (struct insn){ .opcode = i & 63, .a = i >> 6 & 255, .b = i >> 23, .c = i >> 14 & 511, .bx = i >> 14,
				      .ax = i >> 6, .jump = (int)(i >> 14) - 131071 };
		ret->k = ret->c & 256;
		if (ret->k)
			ret->c &= 255;
	}
	for (o = s->dialect->operations; o->what; o++)
		if (o->opcode == ret->opcode)
			ret->what = o->what;
}

static const char *text_at(const struct lua_proto *p, uint32_t at)
{
	return at ? (const char *)p + at : NULL;
}

static const char *constant(const struct lua_proto *p, uint32_t i)
{
	const char *text = i < p->constants ? text_at(p, ((const uint32_t *)((const char *)p + p->constant_names))[i]) : NULL;

	return text ? text : "?";
}

static const char *upvalue(const struct lua_proto *p, uint32_t i)
{
	const char *text = i < p->upvalues ? text_at(p, ((const uint32_t *)((const char *)p + p->upvalue_names))[i]) : NULL;

	return text ? text : "?";
}

/* luaF_getlocalname (lfunc.c): locals are in the order of their beginning, so the n-th that is active is in register n. */
static const char *local(const struct lua_proto *p, uint32_t reg, uint32_t pc)
{
	const struct lua_local *locals = (const struct lua_local *)((const char *)p + p->local_names);

	for (uint32_t i = 0; i < p->locals && locals[i].first <= pc; i++)
		if (pc < locals[i].last && !reg--)
			return text_at(p, locals[i].name);
	return NULL;
}

/* 5.1: behind CLOSURE stand pseudo-instructions, MOVE and GETUPVAL with A = 0, one for each upvalue. */
static uint32_t skip_upvalues(const struct site *s, uint32_t pc, uint32_t last)
{
	struct insn i;

	for (; pc + 1 < last; pc++) {
		decode(s, pc + 1, &i);
		if ((i.what != MOVE && i.what != GETUPVAL) || i.a)
			break;
	}
	return pc;
}

/* Does the instruction change the register? */
static bool changes(const struct site *s, const struct insn *i, unsigned reg)
{
	bool old = s->dialect->version == LUA_VERSION(5, 1);

	switch (i->what) {
	case LOADNIL:
		return i->a <= reg && reg <= (old ? i->b : i->a + i->b);
	case TFORCALL:
		return reg >= i->a + 2;
	case CALL:
		return reg >= i->a;
	case JMP:
		return false;
	case SELF:
		return reg == i->a || (old && reg == i->a + 1);
	case TEST:
		return reg == i->a;
	default:
		return s->dialect->sets_a[i->opcode >> 6 & 1] >> (i->opcode & 63) & 1 && reg == i->a;
	}
}

/* The last instruction before `last` that surely set the register; -1: none. */
static int setter(const struct site *s, uint32_t last, unsigned reg)
{
	bool old = s->dialect->version == LUA_VERSION(5, 1);
	uint32_t conditional = 0; /* what is before this may have been jumped over */
	int found = -1;
	struct insn i;

	decode(s, last, &i);
	if (i.what == MMBIN && last)
		last--; /* the instruction before it was not done */
	for (uint32_t pc = 0; pc < last; pc++) {
		int64_t target;

		decode(s, pc, &i);
		if (changes(s, &i, reg))
			found = pc < conditional ? -1 : (int)pc;
		if (i.what == CLOSURE && old)
			pc = skip_upvalues(s, pc, last);
		if (i.what != JMP && !(i.what == FORLOOP && old))
			continue;
		target = (int64_t)pc + 1 + i.jump;
		if (target <= (int64_t)pc || target > last)
			continue;
		if (old)
			pc = target - 1; /* 5.1 goes where the jump goes */
		else if (target > conditional)
			conditional = target;
	}
	return found;
}

/* What a register holds, by name. `constant_only`: as a key it must be a constant. */
static const char *object(const struct site *s, uint32_t pc, unsigned reg, bool constant_only);

static const char *key(const struct site *s, uint32_t pc, const struct insn *i)
{
	unsigned version = s->dialect->version;
	bool in_register = version >= LUA_VERSION(5, 4) ? i->what == GETTABLE || (i->what == SELF && !i->k && version == LUA_VERSION(5, 4)) :
							  !i->k;
	const char *name;

	if (!in_register)
		return constant(s->p, i->c);
	name = version >= LUA_VERSION(5, 2) ? object(s, pc, i->c, true) : NULL;
	return name ? name : "?";
}

/* The instruction that gave the register its value, behind those that only moved it. -1: none, or *local is the name of a local. */
static int origin(const struct site *s, uint32_t pc, unsigned reg, const char **local_name)
{
	struct insn i;

	for (int moves = 0; moves < MAX_MOVES; moves++) {
		int set;

		*local_name = local(s->p, reg, pc);
		if (*local_name)
			return -1;
		set = setter(s, pc, reg);
		if (set < 0)
			return -1;
		decode(s, set, &i);
		if (i.what != MOVE)
			return set;
		if (i.b >= i.a)
			return -1;
		reg = i.b;
		if (s->dialect->version > LUA_VERSION(5, 1))
			pc = set;
	}
	return -1;
}

/* A constant, if it is a string. */
static const char *string(const struct site *s, uint32_t k)
{
	return k < s->p->constants && ((const uint32_t *)((const char *)s->p + s->p->constant_names))[k] ? constant(s->p, k) : NULL;
}

static const char *object(const struct site *s, uint32_t pc, unsigned reg, bool constant_only)
{
	const char *name = NULL;
	int set = origin(s, pc, reg, &name);
	struct insn i, next;

	if (set < 0)
		return constant_only ? NULL : name;
	decode(s, set, &i);
	if (i.what == LOADK)
		return string(s, i.bx);
	if (i.what == LOADKX) {
		if ((uint32_t)set + 1 >= s->p->instructions)
			return NULL;
		decode(s, set + 1, &next);
		return string(s, next.ax);
	}
	if (constant_only)
		return NULL;
	switch (i.what) {
	case GETUPVAL:
		return upvalue(s->p, i.b);
	case GETGLOBAL:
		return constant(s->p, i.bx);
	case GETTABUP:
	case GETTABLE:
	case GETFIELD:
	case SELF:
		return key(s, set, &i);
	case GETI:
		return "integer index";
	default:
		return NULL;
	}
}

const char *lua_callsite_name(const struct lua_proto *caller, uint32_t pc)
{
	struct site s = { .p = caller };
	struct insn i;

	for (size_t d = 0; d < sizeof(dialects) / sizeof(dialects[0]) && !s.dialect; d++)
		if (dialects[d].version == caller->version)
			s.dialect = &dialects[d];
	if (!s.dialect || pc >= caller->instructions)
		return NULL;
	decode(&s, pc, &i);
	if (i.what == CALL || (i.what == TFORCALL && caller->version == LUA_VERSION(5, 1)))
		return object(&s, pc, i.a, false);
	if (i.what == TFORCALL)
		return "for iterator";
	if (i.what == MMBIN)
		return i.c < sizeof(events_54) / sizeof(events_54[0]) ? events_54[i.c] : NULL;
	for (const struct meta *m = s.dialect->metas; m->name; m++)
		if (m->opcode == i.opcode)
			return m->name;
	return NULL;
}
