// SPDX-License-Identifier: GPL-2.0-only
#include "eh_frame.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "expression.h"

#define MAX_REMEMBERED 16 /* states saved in each other */
#define RETURN_ADDRESS 16 /* column of rip */
#define MAX_CIE	       4096 /* bytes: they are read again where FDEs of several take turns */

/* Where a register of the caller is, as far as this walks. */
struct place {
	enum { PLACE_SAME, PLACE_AT_CFA, PLACE_IN_REGISTER, PLACE_EXPRESSION, PLACE_UNDEFINED, PLACE_OTHER } kind;
	__s64 number; /* offset, register */
	struct expression expression;
};

struct state {
	bool cfa_is_expression;
	__u64 cfa_register;
	__s64 cfa_offset;
	struct expression cfa_expression;
	struct place bp, bx, ra;
};

struct cie {
	struct reader program;
	__u64 code_align, ra_column;
	__s64 data_align;
	unsigned encoding;
	bool augmented, signal;
};

struct decoder {
	const unsigned char *bytes;
	size_t size;
	__u64 address;
	const struct eh_frame_ops *ops;
	void *ctx;
	struct cie cie;	 /* of the FDE before: most share one */
	size_t cie_at;	 /* its offset + 1; 0: none */
	struct state initial, now, remembered[MAX_REMEMBERED];
	unsigned depth;
};

/* A pointer as DW_EH_PE_* says. The indirect kinds and those relative to other sections have no place here. */
static bool read_encoded(struct reader *r, unsigned encoding, __u64 at, __u64 *ret)
{
	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		*ret = reader_fixed(r, 8);
		break;
	case DW_EH_PE_udata4:
		*ret = reader_fixed(r, 4);
		break;
	case DW_EH_PE_sdata4:
		*ret = (__u64)(__s64)(__s32)reader_fixed(r, 4);
		break;
	case DW_EH_PE_udata2:
		*ret = reader_fixed(r, 2);
		break;
	case DW_EH_PE_sdata2:
		*ret = (__u64)(__s64)(__s16)reader_fixed(r, 2);
		break;
	case DW_EH_PE_uleb128:
		*ret = reader_unsigned(r);
		break;
	case DW_EH_PE_sleb128:
		*ret = (__u64)reader_signed(r);
		break;
	default:
		return false;
	}
	if ((encoding & 0x70) == DW_EH_PE_pcrel)
		*ret += at;
	return !r->bad && !(encoding & DW_EH_PE_indirect) &&
	       ((encoding & 0x70) == DW_EH_PE_pcrel || !(encoding & 0x70));
}

static __u64 address_of(const struct decoder *d, const struct reader *r)
{
	return d->address + (size_t)(r->at - d->bytes);
}

/* The augmentation's data: what FDEs' pointers look like, and whether the function is where signal handlers return to. */
static bool cie_augmentation(struct decoder *d, struct reader *r, const char *text, struct cie *cie)
{
	struct reader data;
	__u64 ignored;

	if (*text != 'z')
		return !*text;
	cie->augmented = true;
	data = reader_part(r, reader_unsigned(r));
	for (text++; *text; text++)
		if (*text == 'R')
			cie->encoding = reader_fixed(&data, 1);
		else if (*text == 'S')
			cie->signal = true;
		else if (*text == 'L')
			reader_fixed(&data, 1);
		else if (*text == 'P') { /* its value is of no use, which may be indirect */
			unsigned encoding = reader_fixed(&data, 1) & 0x0f;

			if (!read_encoded(&data, encoding, 0, &ignored))
				return false;
		} else
			return *text == 'B'; /* signed pointers: aarch64 */
	return !r->bad && !data.bad;
}

/* r: behind the id of the CIE. */
static bool cie_read(struct decoder *d, struct reader *r, struct cie *cie)
{
	const char *text;
	unsigned version;

	memset(cie, 0, sizeof(*cie));
	version = reader_fixed(r, 1);
	text = (const char *)r->at;
	if (r->bad || (version != 1 && version != 3) || !memchr(text, 0, (size_t)(r->end - r->at)))
		return false;
	r->at += strlen(text) + 1;
	cie->code_align = reader_unsigned(r);
	cie->data_align = reader_signed(r);
	cie->ra_column = version == 1 ? reader_fixed(r, 1) : reader_unsigned(r);
	if (!cie_augmentation(d, r, text, cie))
		return false;
	cie->program = *r;
	return !r->bad && cie->ra_column == RETURN_ADDRESS;
}

static bool is_near(__s64 offset)
{
	return offset == (__s16)offset;
}

static void rule_saved(const struct state *s, struct native_rule *rule)
{
	const struct place *bp = &s->bp;

	rule->saved = NATIVE_SAVED_LOST;
	if (bp->kind == PLACE_SAME) {
		rule->saved = NATIVE_SAVED_NOT;
	} else if (bp->kind == PLACE_AT_CFA && is_near(bp->number)) {
		rule->saved = NATIVE_SAVED_AT_CFA;
		rule->bp = bp->number;
	} else if (bp->kind == PLACE_EXPRESSION && bp->expression.kind == EXPRESSION_SUM && bp->expression.reg == NATIVE_RBP &&
		   is_near(bp->expression.offset)) {
		rule->saved = NATIVE_SAVED_AT_BP;
		rule->bp = bp->expression.offset;
	}
	if (s->bx.kind == PLACE_AT_CFA && is_near(s->bx.number) && s->bx.number)
		rule->bx = s->bx.number;
	else if (s->bx.kind != PLACE_SAME)
		rule->bx = NATIVE_BX_LOST;
}

static void rule_cfa(const struct state *s, struct native_rule *rule)
{
	const struct expression *e = &s->cfa_expression;

	if (!s->cfa_is_expression) {
		rule->kind = s->cfa_register < RETURN_ADDRESS ? NATIVE_RULE_REGISTER : NATIVE_RULE_UNKNOWN;
		rule->reg = s->cfa_register;
		rule->cfa = s->cfa_offset;
		return;
	}
	rule->reg = e->reg;
	rule->cfa = e->offset;
	rule->extra = e->extra;
	rule->kind = e->kind == EXPRESSION_SUM	    ? NATIVE_RULE_REGISTER :
		     e->kind == EXPRESSION_MEMORY   ? NATIVE_RULE_MEMORY :
		     e->kind == EXPRESSION_PLT	    ? NATIVE_RULE_PLT :
						      NATIVE_RULE_UNKNOWN;
}

/* A signal's frame as the kernel makes it (arch/x86/include/uapi/asm/sigcontext.h): registers at fixed places from rsp on. */
static bool is_signal_frame(const struct decoder *d)
{
	const struct state *s = &d->now;

	return d->cie.signal && s->cfa_is_expression && s->cfa_expression.kind == EXPRESSION_MEMORY &&
	       s->cfa_expression.reg == NATIVE_RSP && s->cfa_expression.offset == 160 && !s->cfa_expression.extra &&
	       s->ra.kind == PLACE_EXPRESSION && s->ra.expression.kind == EXPRESSION_SUM &&
	       s->ra.expression.reg == NATIVE_RSP && s->ra.expression.offset == 168;
}

static bool fits(__s64 number)
{
	return number == (__s32)number;
}

static void emit(struct decoder *d, __u64 address)
{
	struct native_rule rule = { .ra = NATIVE_AT_STACK };
	const struct state *s = &d->now;

	if (is_signal_frame(d)) {
		rule.kind = NATIVE_RULE_SIGNAL;
	} else if (s->ra.kind == PLACE_UNDEFINED) {
		rule.kind = NATIVE_RULE_END;
	} else {
		rule_saved(s, &rule);
		rule_cfa(s, &rule);
		if (s->ra.kind == PLACE_IN_REGISTER && s->ra.number < RETURN_ADDRESS)
			rule.ra = s->ra.number;
		else if (s->ra.kind != PLACE_AT_CFA || s->ra.number != -8)
			rule.kind = NATIVE_RULE_UNKNOWN;
		if (!fits(s->cfa_offset) || d->cie.signal)
			rule.kind = NATIVE_RULE_UNKNOWN;
	}
	if (rule.kind == NATIVE_RULE_UNKNOWN)
		rule = (struct native_rule){ .kind = NATIVE_RULE_UNKNOWN };
	d->ops->row(d->ctx, address, &rule);
}

/* NULL: a register that is not followed. */
static struct place *place_of(struct state *state, __u64 reg)
{
	return reg == NATIVE_RBP ? &state->bp : reg == NATIVE_RBX ? &state->bx : reg == RETURN_ADDRESS ? &state->ra : NULL;
}

static void set_place(struct decoder *d, __u64 reg, unsigned kind, __s64 number)
{
	struct place *place = place_of(&d->now, reg);

	if (!place)
		return;
	memset(place, 0, sizeof(*place));
	place->kind = kind;
	place->number = number;
}

static void set_expression(struct decoder *d, __u64 reg, struct expression expression)
{
	struct place *place = place_of(&d->now, reg);

	set_place(d, reg, PLACE_EXPRESSION, 0);
	if (place)
		place->expression = expression;
}

static void restore_place(struct decoder *d, __u64 reg)
{
	struct place *place = place_of(&d->now, reg);

	if (place)
		*place = *place_of(&d->initial, reg);
}

static void set_cfa(struct decoder *d, __u64 reg, __s64 offset)
{
	d->now.cfa_is_expression = false;
	d->now.cfa_register = reg;
	d->now.cfa_offset = offset;
}

static struct expression read_expression(struct reader *r)
{
	return expression_decode(reader_part(r, reader_unsigned(r)));
}

/* The instructions that set registers' rules. false: not one of them. */
static bool run_register(struct decoder *d, struct reader *r, unsigned op)
{
	__s64 align = d->cie.data_align;
	__u64 reg;

	switch (op) {
	case DW_CFA_offset_extended:
		reg = reader_unsigned(r);
		set_place(d, reg, PLACE_AT_CFA, (__s64)(reader_unsigned(r) * (__u64)align));
		return true;
	case DW_CFA_offset_extended_sf:
		reg = reader_unsigned(r);
		set_place(d, reg, PLACE_AT_CFA, (__s64)((__u64)reader_signed(r) * (__u64)align));
		return true;
	case DW_CFA_GNU_negative_offset_extended:
		reg = reader_unsigned(r);
		set_place(d, reg, PLACE_AT_CFA, (__s64)-(reader_unsigned(r) * (__u64)align));
		return true;
	case DW_CFA_restore_extended:
		restore_place(d, reader_unsigned(r));
		return true;
	case DW_CFA_undefined:
		set_place(d, reader_unsigned(r), PLACE_UNDEFINED, 0);
		return true;
	case DW_CFA_same_value:
		set_place(d, reader_unsigned(r), PLACE_SAME, 0);
		return true;
	case DW_CFA_register:
		reg = reader_unsigned(r);
		set_place(d, reg, PLACE_IN_REGISTER, (__s64)(reader_unsigned(r) & 0xffff));
		return true;
	case DW_CFA_expression:
		reg = reader_unsigned(r);
		set_expression(d, reg, read_expression(r));
		return true;
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
		set_place(d, reader_unsigned(r), PLACE_OTHER, 0);
		reader_unsigned(r);
		return true;
	case DW_CFA_val_expression:
		set_place(d, reader_unsigned(r), PLACE_OTHER, 0);
		read_expression(r);
		return true;
	}
	return false;
}

/* Those that set the CFA, and the rest. false: unknown, which cannot be skipped. */
static bool run_other(struct decoder *d, struct reader *r, unsigned op)
{
	__s64 align = d->cie.data_align;
	__u64 reg;

	switch (op) {
	case DW_CFA_nop:
		return true;
	case DW_CFA_GNU_args_size:
		reader_unsigned(r);
		return true;
	case DW_CFA_remember_state:
		if (d->depth == MAX_REMEMBERED)
			return false;
		d->remembered[d->depth++] = d->now;
		return true;
	case DW_CFA_restore_state:
		if (!d->depth)
			return false;
		d->now = d->remembered[--d->depth];
		return true;
	case DW_CFA_def_cfa:
		reg = reader_unsigned(r);
		set_cfa(d, reg, (__s64)reader_unsigned(r));
		return true;
	case DW_CFA_def_cfa_sf:
		reg = reader_unsigned(r);
		set_cfa(d, reg, (__s64)((__u64)reader_signed(r) * (__u64)align));
		return true;
	case DW_CFA_def_cfa_register:
		set_cfa(d, reader_unsigned(r), d->now.cfa_offset);
		return true;
	case DW_CFA_def_cfa_offset:
		set_cfa(d, d->now.cfa_register, (__s64)reader_unsigned(r));
		return true;
	case DW_CFA_def_cfa_offset_sf:
		set_cfa(d, d->now.cfa_register, (__s64)((__u64)reader_signed(r) * (__u64)align));
		return true;
	case DW_CFA_def_cfa_expression:
		d->now.cfa_is_expression = true;
		d->now.cfa_expression = read_expression(r);
		return true;
	}
	return false;
}

/* An instruction that moves on: how far; 0: it is none, or stays. */
static __u64 run_advance(struct decoder *d, struct reader *r, unsigned op, bool *is_one)
{
	*is_one = true;
	if ((op & 0xc0) == DW_CFA_advance_loc)
		return (op & 0x3f) * d->cie.code_align;
	if (op == DW_CFA_advance_loc1)
		return reader_fixed(r, 1) * d->cie.code_align;
	if (op == DW_CFA_advance_loc2)
		return reader_fixed(r, 2) * d->cie.code_align;
	if (op == DW_CFA_advance_loc4)
		return reader_fixed(r, 4) * d->cie.code_align;
	*is_one = false;
	return 0;
}

/* Run a program of instructions. rows: of a function of [start, end); else a CIE's. false: broken. */
static bool run(struct decoder *d, struct reader r, bool rows, __u64 start, __u64 end)
{
	__u64 at = start;

	while (r.at < r.end && !r.bad) {
		unsigned op = reader_fixed(&r, 1);
		bool advances;
		__u64 by = run_advance(d, &r, op, &advances);

		if (advances) {
			if (by && rows)
				emit(d, at);
			if (!rows || by > end - at)
				return false;
			at += by;
		} else if ((op & 0xc0) == DW_CFA_offset) {
			set_place(d, op & 0x3f, PLACE_AT_CFA, (__s64)(reader_unsigned(&r) * (__u64)d->cie.data_align));
		} else if ((op & 0xc0) == DW_CFA_restore) {
			restore_place(d, op & 0x3f);
		} else if (!run_register(d, &r, op) && !run_other(d, &r, op)) {
			return false;
		}
	}
	if (rows && at < end && !r.bad)
		emit(d, at);
	return !r.bad;
}

/* The CIE at an offset, and the state it leaves. */
static bool cie_load(struct decoder *d, size_t at)
{
	struct reader r = { d->bytes + at, d->bytes + d->size, false };
	__u64 length;

	if (d->cie_at == at + 1)
		return true;
	d->cie_at = 0;
	length = reader_fixed(&r, 4);
	if (length == 0xffffffff)
		length = reader_fixed(&r, 8);
	if (length > MAX_CIE)
		return false;
	r = reader_part(&r, length);
	if (reader_fixed(&r, 4) || r.bad || !cie_read(d, &r, &d->cie))
		return false;
	memset(&d->now, 0, sizeof(d->now));
	d->depth = 0;
	if (!run(d, d->cie.program, false, 0, 0))
		return false;
	d->initial = d->now;
	d->cie_at = at + 1;
	return true;
}

/* r: behind the CIE's pointer. One that is broken, or of an unknown kind, has no rows. */
static void fde(struct decoder *d, struct reader *r)
{
	__u64 at = address_of(d, r), start, size;

	if (!read_encoded(r, d->cie.encoding, at, &start) || !read_encoded(r, d->cie.encoding & 0x0f, 0, &size) || !size ||
	    start + size < start)
		return;
	if (d->cie.augmented)
		reader_part(r, reader_unsigned(r));
	if (r->bad)
		return;
	d->now = d->initial;
	d->depth = 0;
	d->ops->function(d->ctx, start, start + size);
	if (!run(d, *r, true, start, start + size)) {
		/* What was told of it may be right up to where it broke, but there is no telling. */
		static const struct native_rule unknown = { .kind = NATIVE_RULE_UNKNOWN };

		d->ops->function(d->ctx, start, start + size);
		d->ops->row(d->ctx, start, &unknown);
	}
}

int eh_frame_decode(const void *bytes, size_t size, __u64 address, const struct eh_frame_ops *ops, void *ctx)
{
	struct decoder d = { .bytes = bytes, .size = size, .address = address, .ops = ops, .ctx = ctx };
	struct reader all = { bytes, (const unsigned char *)bytes + size, false };

	while (all.end - all.at >= 4) {
		__u64 length = reader_fixed(&all, 4), id;
		struct reader one;
		size_t at;

		if (!length) /* the end; a linker may have joined several sections */
			continue;
		if (length == 0xffffffff)
			length = reader_fixed(&all, 8);
		one = reader_part(&all, length);
		at = (size_t)(one.at - d.bytes);
		id = reader_fixed(&one, 4);
		if (all.bad || one.bad)
			return -EINVAL;
		if (id && id <= at && cie_load(&d, at - id)) /* the id of an FDE: how far its CIE is before */
			fde(&d, &one);
	}
	return 0;
}
