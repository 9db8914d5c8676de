// SPDX-License-Identifier: GPL-2.0-only
#include "expression.h"

#include <dwarf.h>

#include "layout.h"

__u64 reader_fixed(struct reader *r, unsigned bytes)
{
	__u64 value = 0;

	if ((size_t)(r->end - r->at) < bytes) {
		r->bad = true;
		r->at = r->end;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		value |= (__u64)r->at[i] << (8 * i);
	r->at += bytes;
	return value;
}

/* Bits beyond the 64th are dropped. `sign`: the bit that says so, of the last byte. */
static __u64 read_leb(struct reader *r, bool is_signed)
{
	__u64 value = 0, byte;
	unsigned shift = 0;

	do {
		byte = reader_fixed(r, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && byte & 0x40 && shift < 64)
		value |= ~0ULL << shift;
	return value;
}

__u64 reader_unsigned(struct reader *r)
{
	return read_leb(r, false);
}

__s64 reader_signed(struct reader *r)
{
	return (__s64)read_leb(r, true);
}

struct reader reader_part(struct reader *r, __u64 size)
{
	struct reader part = { r->at, r->at, r->bad };

	if (size > (__u64)(r->end - r->at)) {
		r->bad = part.bad = true;
		r->at = r->end;
		part.at = part.end = r->end;
		return part;
	}
	part.end = r->at += size;
	return part;
}

static bool next_is(struct reader *r, unsigned op)
{
	return reader_fixed(r, 1) == op && !r->bad;
}

/* What linkers write for a table of jumps: breg7 8, breg16 0, lit15, and, litN, ge, lit3, shl, plus. Behind breg7. */
static bool is_plt(struct reader r, __s32 *threshold)
{
	unsigned lit;

	if (!next_is(&r, DW_OP_breg0 + 16) || reader_signed(&r) || !next_is(&r, DW_OP_lit15) || !next_is(&r, DW_OP_and))
		return false;
	lit = reader_fixed(&r, 1);
	if (lit < DW_OP_lit0 || lit > DW_OP_lit15 || !next_is(&r, DW_OP_ge) || !next_is(&r, DW_OP_lit3) ||
	    !next_is(&r, DW_OP_shl) || !next_is(&r, DW_OP_plus) || r.at != r.end)
		return false;
	*threshold = (__s32)(lit - DW_OP_lit0);
	return true;
}

struct expression expression_decode(struct reader r)
{
	struct expression e = { .kind = EXPRESSION_OTHER };
	unsigned op = reader_fixed(&r, 1);
	__s64 offset, extra = 0;

	if (r.bad || op < DW_OP_breg0 || op > DW_OP_breg0 + 15)
		return e;
	e.reg = op - DW_OP_breg0;
	offset = reader_signed(&r);
	if (r.bad || offset != (__s32)offset)
		return e;
	e.offset = offset;
	if (r.at == r.end) {
		e.kind = EXPRESSION_SUM;
		return e;
	}
	if (e.reg == NATIVE_RSP && is_plt(r, &e.extra)) {
		e.kind = EXPRESSION_PLT;
		return e;
	}
	if (!next_is(&r, DW_OP_deref))
		return e;
	if (r.at < r.end) {
		if (!next_is(&r, DW_OP_plus_uconst))
			return e;
		extra = (__s64)reader_unsigned(&r);
	}
	if (r.bad || r.at != r.end || extra != (__s32)extra)
		return e;
	e.extra = extra;
	e.kind = EXPRESSION_MEMORY;
	return e;
}
