/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk of C frames by unwind tables. Beside what runtimes/walk.h asks for, whoever includes this file defines how the tables
 * (layout.h) are reached, each a pointer or NULL:
 *
 *     const struct native_space *walk_space(__u32 index)
 *     const struct native_part *walk_part(__u32 index)
 *     const struct native_page *walk_page(__u32 index)
 *     const struct native_block *walk_block(__u32 index)
 *     const struct native_rule *walk_rule(__u32 number)
 *
 * Only a walk that ends at a function without a caller is whole. Each other end has a cause of its own: nothing is guessed. The
 * searches do without branches, so that the verifier sees one path through them.
 */
#ifndef SCRY_NATIVE_WALK_H
#define SCRY_NATIVE_WALK_H

#include "../walk.h"
#include "layout.h"

#define native_inline static inline __attribute__((always_inline))

/* Is a < b? 1 or 0; both below 2^63. Compilers must not see that, or they make branches of what is reckoned with it. */
native_inline __u64 native_below(__u64 a, __u64 b)
{
	__u64 below = (a - b) >> 63;

	asm("" : "+r"(below));
	return below;
}

/* Find the mapping of an address into n->map. false: there is none. */
native_inline bool native_locate(struct native_walk *n, __u64 address)
{
	const struct native_space *space = walk_space(n->space);
	const struct native_part *part;
	const struct native_mapping *map;
	__u64 at = 0;

	if (!space || address >> 62)
		return false;
	for (__u64 half = NATIVE_SPACE_PARTS / 2; half; half /= 2)
		at += half & (native_below(address, space->from[(at + half) & (NATIVE_SPACE_PARTS - 1)]) - 1);
	part = walk_part(space->part[at & (NATIVE_SPACE_PARTS - 1)]);
	if (!part)
		return false;
	at = 0;
	for (__u64 half = NATIVE_PART / 2; half; half /= 2)
		at += half & (native_below(address, part->mapping[(at + half) & (NATIVE_PART - 1)].start) - 1);
	map = &part->mapping[at & (NATIVE_PART - 1)];
	if (address - map->start >= map->end - map->start)
		return false;
	n->map = *map;
	return true;
}

/* Where the rows for n->link in n->map are: the first, and behind the last. false: there are none. */
native_inline bool native_rows_of(struct native_walk *n)
{
	__u64 index = (n->link >> NATIVE_PAGE_SHIFT) - n->map.first;
	const struct native_page *page;

	if (index >= n->map.pages)
		return false;
	page = walk_page(n->map.at + index);
	if (!page || !page->rows)
		return false;
	n->row = page->row;
	n->rows_end = page->row + page->rows;
	n->block = n->row / NATIVE_BLOCK_ROWS;
	return true;
}

/* Of several blocks with a page's rows, the last one that begins at or before the address: seldom more than two. */
native_inline void native_find_block(struct native_walk *n)
{
	__u32 last = (n->rows_end - 1) / NATIVE_BLOCK_ROWS, low = n->link & 0xffff;

	for (int i = 0; i < 7 && n->block < last; i++) { /* a page's rows touch 65 blocks at most */
		__u32 middle = n->block + (last - n->block + 1) / 2;
		const struct native_block *block = walk_block(middle);

		if (block && (block->row[0] & 0xffff) <= low)
			n->block = middle;
		else
			last = middle - 1;
	}
}

/* Number of the rule for n->link, whose rows are known: the last one in its block at or before it. */
native_inline __u32 native_rule_number(const struct native_walk *n)
{
	const struct native_block *block = walk_block(n->block);
	__u64 low = n->link & 0xffff, first = (__u64)n->block * NATIVE_BLOCK_ROWS, end = n->rows_end - first, at;

	if (!block)
		return NATIVE_RULE_NONE;
	at = n->row > first ? n->row - first : 0;
	for (__u64 half = NATIVE_BLOCK_ROWS / 2; half; half /= 2) {
		__u64 row = block->row[(at + half) & (NATIVE_BLOCK_ROWS - 1)] & 0xffff, next = at + half;

		at += half & (native_below(low, row) - 1) & -(native_below(next, end) & native_below(next, NATIVE_BLOCK_ROWS));
	}
	return block->row[at & (NATIVE_BLOCK_ROWS - 1)] >> 16;
}

/* Add the frame at n->pc. false: no room. */
native_inline bool native_push(struct scry_scratch *s, bool known)
{
	struct native_walk *n = &s->native;
	__u64 at = n->pc - n->called;
	__u32 index = n->first + n->count;

	if (n->count >= n->limit || n->count >= SCRY_MAX_NATIVE || index >= SCRY_MAX_STACK + SCRY_MAX_NATIVE) {
		n->error = SCRY_WALK_TRUNCATED;
		return false;
	}
	if (known && n->map.binary) {
		s->frames[index].code = SCRY_FRAME_NATIVE << SCRY_FRAME_SHIFT | (n->map.binary & SCRY_FRAME_LOW);
		s->frames[index].at = (__s32)n->link;
	} else {
		s->frames[index].code = SCRY_FRAME_ADDRESS << SCRY_FRAME_SHIFT | (__u32)(at >> 32 & SCRY_FRAME_LOW);
		s->frames[index].at = (__s32)at;
	}
	n->count++;
	return true;
}

/* The walk ends here, for a cause. */
native_inline bool native_over(struct native_walk *n, enum scry_walk_error error)
{
	n->error = error;
	return true;
}

/* To the caller, whose frame begins at cfa. The innermost function may have taken the return address from the stack (vfork). */
native_inline bool native_return(struct native_walk *n, __u64 cfa, __u64 pc)
{
	if (cfa < n->sp || (cfa == n->sp && !n->inner))
		return native_over(n, SCRY_WALK_NATIVE_STUCK);
	n->sp = cfa;
	n->pc = pc;
	n->called = 1;
	n->kept = n->inner;
	n->inner = 0;
	return false;
}

/*
 * Does the called function return by "add $8, %rsp; ret" at once? CPython 3.12 and 3.13 make such trampolines, without frame
 * pointers (-X perf; Python/asm_trampoline.S).
 */
native_inline bool native_is_trampoline(const struct native_walk *n)
{
	__u64 code = 0;

	return n->called && !walk_read(&code, 5, n->pc) && code == 0xc308c48348;
}

/* Code without rows: made at run time, or compiled without them; then it should have frame pointers. */
native_inline bool native_by_pointer(struct native_walk *n)
{
	__u64 pair[2]; /* the caller's rbp, the return address */
	__u64 at = n->bp;

	if (native_is_trampoline(n)) {
		if (walk_read(&at, sizeof(at), n->sp + 8))
			return native_over(n, SCRY_WALK_NATIVE_FAULT);
		return native_return(n, n->sp + 16, at);
	}
	if (at < n->sp || at & 7)
		return native_over(n, SCRY_WALK_NATIVE_STUCK);
	if (walk_read(pair, sizeof(pair), at))
		return native_over(n, SCRY_WALK_NATIVE_FAULT);
	n->bp = pair[0];
	n->bx = 0; /* it may have saved it anywhere */
	return native_return(n, at + 16, pair[1]);
}

/* What a signal interrupted: struct ucontext has its registers from byte 40 on, rbp as the 11th, rsp and rip as the 16th and
 * 17th (arch/x86/include/uapi/asm/sigcontext.h). */
native_inline bool native_by_signal(struct native_walk *n)
{
	__u64 reg[7];

	if (walk_read(reg, sizeof(reg), n->sp + 40 + 8 * 10))
		return native_over(n, SCRY_WALK_NATIVE_FAULT);
	n->bp = reg[0];
	n->bx = reg[1];
	n->sp = reg[5]; /* may be anywhere: handlers can have a stack of their own */
	n->pc = reg[6];
	n->called = 0;
	n->inner = n->kept = 0;
	return false;
}

native_inline bool native_register(struct native_walk *n, __u32 reg, __u64 *ret)
{
	*ret = reg == NATIVE_RSP ? n->sp : reg == NATIVE_RBP ? n->bp : reg == NATIVE_RBX ? n->bx : n->reg[reg & 15];
	return reg == NATIVE_RSP || reg == NATIVE_RBP || reg == NATIVE_RBX || n->inner;
}

/*
 * 0 or an enum scry_walk_error. Compilers have the CFA in a register that calls do not preserve only where nothing is called. A
 * caller that has it there is written by hand, and so is what it calls, which keeps the register: libcrypto's AES-GCM
 * (crypto/modes/asm/aesni-gcm-x86_64.pl of OpenSSL 1.1 to 3.0: rax, over the loop that encryption and decryption share). What is
 * found there must be where a call returns to.
 */
native_inline int native_cfa(struct native_walk *n, const struct native_rule *rule, __u64 *ret)
{
	__u64 base;

	if (!native_register(n, rule->reg, &base)) {
		if (!n->kept || base - n->sp >= NATIVE_KEPT_FRAME)
			return SCRY_WALK_NATIVE_RULE;
		n->kept = 2;
	}
	base += (__u64)(__s64)rule->cfa;
	if (rule->kind == NATIVE_RULE_PLT && (n->link & 15) >= (__u32)rule->extra)
		base += 8;
	if (rule->kind == NATIVE_RULE_MEMORY) {
		if (walk_read(&base, sizeof(base), base))
			return SCRY_WALK_NATIVE_FAULT;
		base += (__u64)(__s64)rule->extra;
	}
	*ret = base;
	return 0;
}

/* Does a call stand before this address: e8 and 4 bytes, or ff, 2 in the middle of the next byte, and up to 5 more? */
native_inline bool native_follows_call(__u64 pc)
{
	__u8 code[8] = { 0 };
	bool call;

	if (walk_read(code, sizeof(code), pc - sizeof(code)))
		return false;
	call = code[3] == 0xe8;
	for (int i = 1; i < 7; i++)
		call |= code[i] == 0xff && (code[i + 1] & 0x38) == 0x10;
	return call;
}

/*
 * A word at an offset from the CFA: nearly always of those that were read at once. They are read although some may lie below the
 * stack's end: where that fails, each is read for itself.
 */
native_inline bool native_word(struct native_walk *n, __u64 cfa, __s64 offset, __u64 *ret)
{
	__u64 at = offset + 8 * NATIVE_SAVED;

	if (at < 8 * NATIVE_SAVED && !(at & 7) && n->whole) {
		*ret = n->saved[at / 8 & (NATIVE_SAVED - 1)];
		return true;
	}
	return !walk_read(ret, sizeof(*ret), cfa + offset);
}

/* The caller's registers and the return address. A register that is lost is 0: whoever needs it will not be able to read there. */
native_inline int native_saved(struct native_walk *n, const struct native_rule *rule, __u64 cfa, __u64 *pc)
{
	__u64 bp = n->bp;

	n->whole = !walk_read(n->saved, sizeof(n->saved), cfa - sizeof(n->saved));
	if (rule->ra != NATIVE_AT_STACK) {
		if (!native_register(n, rule->ra, pc))
			return SCRY_WALK_NATIVE_RULE;
	} else if (!native_word(n, cfa, -8, pc)) {
		return SCRY_WALK_NATIVE_FAULT;
	}
	if (rule->bx == NATIVE_BX_LOST)
		n->bx = 0;
	else if (rule->bx && !native_word(n, cfa, rule->bx, &n->bx))
		return SCRY_WALK_NATIVE_FAULT;
	if (rule->saved == NATIVE_SAVED_NOT)
		return 0;
	n->bp = 0;
	if (rule->saved == NATIVE_SAVED_AT_CFA)
		return native_word(n, cfa, rule->bp, &n->bp) ? 0 : SCRY_WALK_NATIVE_FAULT;
	if (rule->saved == NATIVE_SAVED_AT_BP)
		return walk_read(&n->bp, sizeof(n->bp), bp + (__u64)(__s64)rule->bp) ? SCRY_WALK_NATIVE_FAULT : 0;
	return 0;
}

native_inline bool native_by_rule(struct native_walk *n, const struct native_rule *rule)
{
	__u64 cfa, pc = 0;
	int error;

	switch (rule->kind) {
	case NATIVE_RULE_END:
		return native_over(n, SCRY_WALK_OK);
	case NATIVE_RULE_SIGNAL:
		return native_by_signal(n);
	case NATIVE_RULE_NONE:
		return native_over(n, SCRY_WALK_NATIVE_NO_RULE);
	case NATIVE_RULE_UNKNOWN:
		return native_over(n, SCRY_WALK_NATIVE_RULE);
	}
	error = native_cfa(n, rule, &cfa);
	if (!error)
		error = native_saved(n, rule, cfa, &pc);
	if (!error && n->kept == 2 && !native_follows_call(pc))
		error = SCRY_WALK_NATIVE_RULE;
	if (error)
		return native_over(n, error);
	return native_return(n, cfa, pc);
}

/* Have the mapping of n->pc, and n->link. false: it is in none; then the walk is over. */
native_inline bool native_enter(struct scry_scratch *s)
{
	struct native_walk *n = &s->native;
	__u64 at = n->pc - n->called;

	if (at - n->map.start >= n->map.end - n->map.start && !native_locate(n, at)) {
		n->link = 0;
		if (native_push(s, false))
			n->error = n->pc ? SCRY_WALK_NATIVE_UNMAPPED : SCRY_WALK_NATIVE_NO_RULE;
		return false;
	}
	n->link = at - n->map.bias;
	return native_push(s, true);
}

/* One frame. True when the walk is over. rule: the number native_rule_number gave, where n->map has rows. */
native_inline bool native_leave(struct scry_scratch *s, __u32 number)
{
	struct native_walk *n = &s->native;
	const struct native_rule *rule;

	if (!n->map.pages)
		return n->map.at == NATIVE_WITHOUT_POINTERS ? native_by_pointer(n) :
		       native_over(n, n->map.at == NATIVE_WITHOUT_ROOM ? SCRY_WALK_NATIVE_FULL : SCRY_WALK_NATIVE_NO_RULE);
	rule = walk_rule(number);
	if (!rule)
		return native_over(n, SCRY_WALK_NATIVE_NO_RULE);
	return native_by_rule(n, rule);
}

#endif
