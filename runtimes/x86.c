// SPDX-License-Identifier: GPL-2.0-only
/* Opcode maps: Intel SDM volume 2, appendix A, less what is invalid in 64-bit mode, privileged or VEX-encoded. */
#include "x86.h"

#include <string.h>

/* What follows an opcode. */
enum {
	NO = 0,
	OK = 1,		/* known, nothing more */
	M = 2,		/* ModRM */
	I8 = 4,		/* immediate of 1 byte */
	IZ = 8,		/* 4 bytes, 2 with prefix 66 */
	IV = 16,	/* 4 bytes, 2 with prefix 66, 8 with REX.W */
	I16 = 32,
	G3 = 64,	/* an immediate, as the other bits say, only if ModRM.reg is 0 or 1: test */
};

/* clang-format off */
static const unsigned char one_byte[256] = {
	/* 00 */ M, M, M, M, I8, IZ, NO, NO,  M, M, M, M, I8, IZ, NO, NO,
	/* 10 */ M, M, M, M, I8, IZ, NO, NO,  M, M, M, M, I8, IZ, NO, NO,
	/* 20 */ M, M, M, M, I8, IZ, NO, NO,  M, M, M, M, I8, IZ, NO, NO,
	/* 30 */ M, M, M, M, I8, IZ, NO, NO,  M, M, M, M, I8, IZ, NO, NO,
	/* 40 */ NO, NO, NO, NO, NO, NO, NO, NO,  NO, NO, NO, NO, NO, NO, NO, NO, /* REX */
	/* 50 */ OK, OK, OK, OK, OK, OK, OK, OK,  OK, OK, OK, OK, OK, OK, OK, OK,
	/* 60 */ NO, NO, NO, M, NO, NO, NO, NO,  IZ, M | IZ, I8, M | I8, NO, NO, NO, NO,
	/* 70 */ I8, I8, I8, I8, I8, I8, I8, I8,  I8, I8, I8, I8, I8, I8, I8, I8,
	/* 80 */ M | I8, M | IZ, NO, M | I8, M, M, M, M,  M, M, M, M, NO, M, NO, M,
	/* 90 */ OK, OK, OK, OK, OK, OK, OK, OK,  OK, OK, NO, OK, OK, OK, OK, OK,
	/* a0 */ NO, NO, NO, NO, OK, OK, OK, OK,  I8, IZ, OK, OK, OK, OK, OK, OK,
	/* b0 */ I8, I8, I8, I8, I8, I8, I8, I8,  IV, IV, IV, IV, IV, IV, IV, IV,
	/* c0 */ M | I8, M | I8, I16, OK, NO, NO, M | I8, M | IZ,  NO, OK, NO, NO, OK, NO, NO, NO,
	/* d0 */ M, M, M, M, NO, NO, NO, NO,  M, M, M, M, M, M, M, M,
	/* e0 */ I8, I8, I8, I8, NO, NO, NO, NO,  IZ, IZ, NO, I8, NO, NO, NO, NO,
	/* f0 */ NO, NO, NO, NO, OK, OK, M | I8 | G3, M | IZ | G3,  OK, OK, NO, NO, OK, OK, M, M,
};

static const unsigned char two_byte[256] = {
	/* 00 */ NO, M, NO, NO, NO, OK, NO, NO,  NO, NO, NO, OK, NO, M, NO, NO,
	/* 10 */ M, M, M, M, M, M, M, M,  M, M, M, M, M, M, M, M,
	/* 20 */ NO, NO, NO, NO, NO, NO, NO, NO,  M, M, M, M, M, M, M, M,
	/* 30 */ NO, OK, NO, NO, NO, NO, NO, NO,  NO, NO, NO, NO, NO, NO, NO, NO, /* 38, 3a: further maps */
	/* 40 */ M, M, M, M, M, M, M, M,  M, M, M, M, M, M, M, M,
	/* 50 */ M, M, M, M, M, M, M, M,  M, M, M, M, M, M, M, M,
	/* 60 */ M, M, M, M, M, M, M, M,  M, M, M, M, M, M, M, M,
	/* 70 */ M | I8, M | I8, M | I8, M | I8, M, M, M, OK,  NO, NO, NO, NO, M, M, M, M,
	/* 80 */ IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ,  IZ, IZ, IZ, IZ, IZ, IZ, IZ, IZ,
	/* 90 */ M, M, M, M, M, M, M, M,  M, M, M, M, M, M, M, M,
	/* a0 */ NO, NO, OK, M, M | I8, M, NO, NO,  NO, NO, NO, M, M | I8, M, M, M,
	/* b0 */ M, M, NO, M, NO, NO, M, M,  M, M, M | I8, M, M, M, M, M,
	/* c0 */ M, M, M | I8, M, M | I8, M | I8, M | I8, M,  OK, OK, OK, OK, OK, OK, OK, OK,
	/* d0 */ M, M, M, M, M, M, M, M,  M, M, M, M, M, M, M, M,
	/* e0 */ M, M, M, M, M, M, M, M,  M, M, M, M, M, M, M, M,
	/* f0 */ M, M, M, M, M, M, M, M,  M, M, M, M, M, M, M, NO,
};
/* clang-format on */

struct decoder {
	const unsigned char *code;
	size_t size, at;
	unsigned char rex;
	bool operand16;
	struct x86_insn *insn;
};

static bool take(struct decoder *d, unsigned char *ret)
{
	if (d->at >= d->size || d->at >= X86_MAX_LENGTH)
		return false;
	*ret = d->code[d->at++];
	return true;
}

/* A signed number of 1, 2, 4 or 8 bytes; of 8 only the length matters. */
static bool take_number(struct decoder *d, unsigned bytes, __s32 *ret)
{
	unsigned char byte;
	__u32 value = 0;

	for (unsigned i = 0; i < bytes; i++) {
		if (!take(d, &byte))
			return false;
		value |= i < 4 ? (__u32)byte << 8 * i : 0;
	}
	*ret = bytes == 1 ? (signed char)value : bytes == 2 ? (short)value : (__s32)value;
	return true;
}

static bool take_prefixes(struct decoder *d, unsigned char *opcode)
{
	for (;;) {
		if (!take(d, opcode))
			return false;
		switch (*opcode) {
		case 0x66:
			d->operand16 = true;
			/* fall through */
		case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0xf0: case 0xf2: case 0xf3:
			d->insn->prefixed = true;
			continue;
		}
		if ((*opcode & 0xf0) != 0x40)
			return true;
		d->rex = *opcode; /* must be the last before the opcode */
		return take(d, opcode) && (*opcode & 0xf0) != 0x40;
	}
}

/* What follows the opcode, as in the tables. */
static bool take_opcode(struct decoder *d, unsigned *kind)
{
	unsigned char byte;

	if (!take_prefixes(d, &byte))
		return false;
	d->insn->opcode = byte;
	*kind = one_byte[byte];
	if (byte != 0x0f)
		return *kind;
	if (!take(d, &byte))
		return false;
	d->insn->opcode = 0x0f00 | byte;
	*kind = two_byte[byte];
	if (byte == 0x38 || byte == 0x3a) {
		*kind = byte == 0x38 ? M : M | I8;
		d->insn->opcode = 0x0f0000 | byte << 8;
		if (!take(d, &byte))
			return false;
		d->insn->opcode |= byte;
	}
	return *kind;
}

static bool take_modrm(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	unsigned char modrm, sib, mod, rm;
	unsigned bytes;

	if (!take(d, &modrm))
		return false;
	mod = modrm >> 6;
	rm = modrm & 7;
	insn->has_modrm = true;
	insn->reg = (modrm >> 3 & 7) | (d->rex & 4) << 1;
	insn->rm = rm | (d->rex & 1) << 3;
	insn->in_memory = mod != 3;
	if (mod == 3)
		return true;
	bytes = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	insn->base = insn->rm;
	if (rm == 4) {
		if (!take(d, &sib))
			return false;
		insn->indexed = (sib & 0x38) != 0x20 || d->rex & 2;
		insn->base = (sib & 7) | (d->rex & 1) << 3;
		rm = sib & 7;
	}
	if (!mod && rm == 5) { /* no base, or the instruction pointer */
		insn->base = X86_NO_REGISTER;
		bytes = 4;
	}
	return take_number(d, bytes, &insn->displacement);
}

static bool take_immediate(struct decoder *d, unsigned kind, __s32 *ret)
{
	unsigned bytes = 0;

	if (kind & G3 && (d->insn->reg & 7) > 1)
		return true;
	if (kind & I8)
		bytes = 1;
	else if (kind & I16 || (kind & (IZ | IV) && d->operand16))
		bytes = 2;
	else if (kind & IV && d->insn->wide)
		bytes = 8;
	else if (kind & (IZ | IV))
		bytes = 4;
	return take_number(d, bytes, ret);
}

static enum x86_flow flow_of(const struct x86_insn *insn)
{
	unsigned op = insn->opcode;

	if ((op & ~0xfu) == 0x70 || (op & ~0xfu) == 0x0f80 || (op & ~3u) == 0xe0)
		return X86_FLOW_BRANCH;
	switch (op) {
	case 0xe9: case 0xeb:
		return X86_FLOW_JUMP;
	case 0xe8:
		return X86_FLOW_CALL;
	case 0xc2: case 0xc3:
		return X86_FLOW_RETURN;
	case 0xcc: case 0xf4: case 0x0f0b:
		return X86_FLOW_AWAY;
	case 0xff:
		return (insn->reg & 7) == 2 ? X86_FLOW_CALL : (insn->reg & 7) == 4 ? X86_FLOW_AWAY : X86_FLOW_NEXT;
	}
	return X86_FLOW_NEXT;
}

bool x86_decode(const void *code, size_t size, __u64 address, struct x86_insn *ret)
{
	struct decoder d = { .code = code, .size = size, .insn = ret };
	__s32 immediate = 0;
	unsigned kind;

	memset(ret, 0, sizeof(*ret));
	ret->base = X86_NO_REGISTER;
	if (!take_opcode(&d, &kind))
		return false;
	ret->wide = d.rex & 8;
	d.operand16 = d.operand16 && !ret->wide; /* REX.W is stronger; so it stands in calls of __tls_get_addr */
	ret->rm = (ret->opcode & 7) | (d.rex & 1) << 3;
	if (kind & M && !take_modrm(&d))
		return false;
	if (!take_immediate(&d, kind, &immediate))
		return false;
	ret->length = d.at;
	ret->flow = flow_of(ret);
	if (ret->flow != X86_FLOW_NEXT && d.operand16)
		return false; /* 16-bit targets, on some processors */
	if (ret->flow == X86_FLOW_BRANCH || ret->flow == X86_FLOW_JUMP || (ret->flow == X86_FLOW_CALL && !ret->has_modrm))
		ret->target = address + ret->length + immediate;
	/* call and jump through far pointers, and the invalid forms of group 5 */
	return ret->opcode != 0xff || !((0xa8 >> (ret->reg & 7)) & 1);
}

bool x86_is_emulated(const struct x86_insn *insn)
{
	if (insn->prefixed)
		return false;
	if ((insn->opcode & ~7u) == 0x50 || insn->opcode == 0xe8 || insn->opcode == 0xe9 || insn->opcode == 0xeb)
		return true;
	return insn->opcode == 0x90 ? insn->rm == 0 : (insn->opcode & ~0xfu) == 0x70 || (insn->opcode & ~0xfu) == 0x0f80;
}

bool x86_is_endbr64(const void *code, size_t size)
{
	static const unsigned char endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

	return size >= sizeof(endbr64) && !memcmp(code, endbr64, sizeof(endbr64));
}
