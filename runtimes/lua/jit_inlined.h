/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions that LuaJIT's compiler put into a trace: they have no frame while its machine code runs, part of jit.h. Where a trace can be left,
 * a snapshot tells which frames there would be then (lj_snap.c): the code of what comes behind it begins at SnapShot.mcofs
 * (asm_snap_prev, lj_asm.c), so the code that runs belongs to the last snapshot that begins before it. That one names the functions, as
 * constants of the trace, the instructions at which they wait, and the bytecode instruction from which the interpreter would go on. All of it is
 * taken only if it agrees: frames that lead to one another down to the trace's own, and instructions that lie in their functions.
 */
#ifndef SCRY_LUA_JIT_INLINED_H
#define SCRY_LUA_JIT_INLINED_H

/* SnapShot, lj_jit.h */
struct jit_snap {
	__u32 map; /* index of its first entry */
	__u16 ref, mcode; /* where its code begins, from that of the trace */
	__u8 slots, top, entries, count;
};

/* An entry of a snapshot: slot << 24 | flags | number of the value. */
#define JIT_SNAP_FRAME 0x10000
#define JIT_SNAP_CONT  0x20000
#define JIT_REF_BIAS   0x8000 /* lj_ir.h: constants have lower numbers */
#define JIT_ENTRIES    256
#define JIT_SNAPS_LOG  10
#define JIT_BASE_SLOT  2 /* the trace's own frame: its function is in slot 0 */
#define JIT_SAVED_BYTES 24 /* on the C stack: two registers that only traces use (BC_JLOOP, vm_x64.dasc), and what a call pushes */

/* What the search for them knows; it lies behind the entries of the snapshot, in s->window. */
struct jit_search {
	__u64 ir, snap, map, mcode; /* the parts of the trace */
	__u64 pc; /* behind the instruction at which the next function is; 0: not known */
	__u32 snaps, bytes, spadjust;
	__u32 entries, frames; /* of the snapshot */
	__u32 before, cont; /* entries that were last looked at */
	__u32 base; /* slot of the next function's frame */
	__u32 skip; /* that is the shadow of one with variable arguments */
};
#define JIT_SEARCH(s) ((struct jit_search *)((s)->window + WINDOW_BYTES - sizeof(struct jit_search)))
_Static_assert(JIT_ENTRIES * 4 + sizeof(struct jit_search) <= WINDOW_BYTES, "it does lie behind them");

/* The trace in s->raw, if its parts lie as lj_trace_alloc (lj_trace.c) puts them: so a SnapShot is as long as ours. */
lua_inline bool jit_open(struct scry_scratch *s)
{
	struct jit_search *j = JIT_SEARCH(s);

	j->ir = LUA_U64(s, JIT_TRACE_IR);
	j->snap = LUA_U64(s, JIT_TRACE_SNAP);
	j->map = LUA_U64(s, JIT_TRACE_SNAPMAP);
	j->mcode = LUA_U64(s, JIT_TRACE_MCODE);
	j->snaps = LUA_U16(s, JIT_TRACE_SNAPS);
	j->bytes = LUA_U32(s, JIT_TRACE_MCODE_BYTES);
	j->spadjust = LUA_U16(s, JIT_TRACE_SPADJUST);
	j->frames = j->before = j->cont = j->skip = 0;
	return LUA_U8(s, JIT_TYPE) == JIT_TYPE_TRACE && j->snaps && j->map - j->snap == j->snaps * sizeof(struct jit_snap);
}

/* How far in the trace's code the thread is, itself or by what it called; ~0: it is not in it. */
lua_inline __u32 jit_code_at(struct scry_scratch *s)
{
	const struct jit_search *j = JIT_SEARCH(s);
	struct lua_walk *w = LUA_WALK(s);
	__u64 at = w->ip - j->mcode;

	if (at >= j->bytes)
		at = walk_pointer(w->jump - JIT_SAVED_BYTES - j->spadjust) - j->mcode - 1;
	return at < j->bytes ? at : ~0U;
}

/* The last snapshot whose code begins at `at` or before. */
lua_inline bool jit_snap_at(const struct jit_search *j, __u32 at, struct jit_snap *ret)
{
	struct jit_snap snap;
	__u32 low = 0, high = j->snaps;

	for (int i = 0; i < JIT_SNAPS_LOG && high - low > 1; i++) {
		__u32 middle = (low + high) / 2;

		if (walk_read(&snap, sizeof(snap), j->snap + middle * sizeof(snap)))
			return false;
		if (snap.mcode <= at)
			low = middle;
		else
			high = middle;
	}
	return high - low == 1 && !walk_read(ret, sizeof(*ret), j->snap + low * sizeof(snap)) && ret->mcode <= at;
}

/* The entries of the snapshot where the thread is into s->window. */
lua_inline bool jit_read_entries(struct scry_scratch *s)
{
	struct jit_search *j = JIT_SEARCH(s);
	struct jit_snap snap = {};
	__u32 at, bytes;
	__u64 left = 0;

	lua_window_forget(s);
	if (walk_read(s->raw, JIT_TRACE_BYTES, LUA_WALK(s)->trace) || !jit_open(s))
		return false;
	at = jit_code_at(s);
	if (at == ~0U || !jit_snap_at(j, at, &snap))
		return false;
	j->map += (__u64)snap.map * sizeof(__u32);
	j->entries = snap.entries;
	bytes = snap.entries * sizeof(__u32);
	/* behind them: pc << 8 | base */
	if (walk_read(s->window, bytes & (4 * JIT_ENTRIES - 1), j->map) || walk_read(&left, sizeof(left), j->map + bytes))
		return false;
	j->base = (left & 255) + JIT_BASE_SLOT;
	j->pc = (left >> 8) + 4;
	return true;
}

/* A frame of a snapshot, as it stands in s->window: numbers of values. */
struct jit_frame {
	__u16 func, slot, link, continued;
};
#define JIT_FRAME_AT(s, i) ((struct jit_frame *)((s)->window + ((i) & (2 * LUA_INLINED - 1)) * sizeof(struct jit_frame)))

/* Entry `i`: of all entries only the frames stay, outermost first. Where a tail call has left the trace's own function for another, that
 * is the first. false: this is the end. */
lua_inline bool jit_entry(struct scry_scratch *s, __u32 i)
{
	struct jit_search *j = JIT_SEARCH(s);
	struct jit_frame *frame = JIT_FRAME_AT(s, j->frames);
	__u32 entry, slot;

	if (i >= j->entries)
		return false;
	entry = *(__u32 *)(s->window + ((i * sizeof(__u32)) & (WINDOW_BYTES - 4)));
	slot = entry >> 24;
	if (entry & JIT_SNAP_CONT)
		j->cont = entry;
	if (entry & JIT_SNAP_FRAME) { /* with the one before it: so what is written to has been looked at */
		if (!i || j->before >> 24 != slot - 1 || j->frames > LUA_INLINED) {
			j->frames = ~0U;
			return false;
		}
		frame->func = j->before;
		frame->slot = slot;
		frame->link = entry;
		frame->continued = j->cont && j->cont >> 24 == slot - 2 ? j->cont : 0;
		j->frames++;
	}
	j->before = entry;
	return true;
}

/* A constant of the trace; 0: it is none. */
lua_inline __u64 jit_constant(const struct jit_search *j, __u32 number)
{
	return number && number < JIT_REF_BIAS ? walk_pointer(j->ir + 8 * (__u64)number + 8) : 0;
}

/* Is it a function, and if in Lua, does `pc` lie behind one of its instructions? */
lua_inline bool jit_fits(struct scry_scratch *s, __u64 func, __u64 pc)
{
	__u64 bytecode;
	__u32 size = 0;

	if (walk_read(s->raw, JIT_FUNC_BYTES, func) || LUA_U8(s, JIT_TYPE) != JIT_TYPE_FUNC)
		return false;
	if (LUA_U8(s, JIT_FUNC_FFID))
		return true;
	bytecode = LUA_U64(s, JIT_FUNC_PC);
	walk_read(&size, sizeof(size), bytecode - JIT_PROTO_BYTES + JIT_PROTO_SIZEBC);
	return pc > bytecode && pc - bytecode <= 4 * (__u64)size;
}

/* Go on outwards by what stands in a frame's slot, as jit_frame() does. */
lua_inline bool jit_outwards(struct jit_search *j, const struct jit_frame *frame)
{
	__u64 link = jit_constant(j, frame->link), back = (link & ~7ULL) >> 3;
	__u32 instruction = 0;

	j->skip = (link & 7) == JIT_FRAME_VARG;
	j->pc = (link & 7) == JIT_FRAME_CONT ? jit_constant(j, frame->continued) : 0;
	if ((link & 3) == JIT_FRAME_LUA) {
		j->pc = link;
		if (walk_read(&instruction, sizeof(instruction), link - 4))
			return false;
		back = 2 + (instruction >> 8 & 255);
	}
	if (!back || back > j->base - JIT_BASE_SLOT)
		return false;
	j->base -= back;
	return true;
}

/* Take the function of the last of the frames. false: this is the end, or they do not lead on. */
lua_inline bool jit_inlined(struct scry_scratch *s)
{
	struct jit_search *j = JIT_SEARCH(s);
	struct lua_walk *w = LUA_WALK(s);
	struct jit_frame frame;
	struct lua_inlined *to;
	__u64 func;

	if (!j->frames || j->frames > LUA_INLINED + 1)
		return false;
	frame = *JIT_FRAME_AT(s, j->frames - 1);
	func = jit_constant(j, frame.func) & JIT_REFERENCE;
	if (frame.slot + 1U != j->base || (!j->skip && !jit_fits(s, func, j->pc)))
		return false;
	if (j->base == JIT_BASE_SLOT) {
		w->owner.func = func;
		j->frames--;
		return false;
	}
	if (!j->skip) {
		to = &w->inlined[w->inlined_count & (LUA_INLINED - 1)];
		if (w->inlined_count >= LUA_INLINED)
			return false;
		to->func = func;
		to->pc = j->pc;
		w->inlined_count++;
	}
	if (!jit_outwards(j, &frame))
		return false;
	j->frames--;
	return true;
}

/* Do the frames lead down to that of the trace itself? */
lua_inline bool jit_is_unfolded(struct scry_scratch *s, __u64 frame)
{
	struct jit_search *j = JIT_SEARCH(s);
	struct lua_walk *w = LUA_WALK(s);
	__u64 owner = w->owner.func;

	if (j->frames || j->base != JIT_BASE_SLOT)
		return false;
	if (!owner)
		owner = walk_pointer(frame - 8) & JIT_REFERENCE;
	return j->skip || jit_fits(s, owner, j->pc);
}

/* What the trace is in: w->inlined, w->owner. `frame` is that of the trace. */
lua_inline void jit_unfold(struct scry_scratch *s, __u64 frame)
{
	struct jit_search *j = JIT_SEARCH(s);
	struct lua_walk *w = LUA_WALK(s);
	bool known;

	w->unfolded = 1;
	known = jit_read_entries(s);
	for (__u32 i = 0; known && i < JIT_ENTRIES; i++)
		if (!jit_entry_on(s, i))
			break;
	for (__u32 i = 0; known && i <= LUA_INLINED + 1; i++)
		if (!jit_inlined_on(s))
			break;
	if (known && jit_is_unfolded(s, frame)) {
		w->owner.pc = j->pc;
		w->skip = j->skip;
		return;
	}
	w->inlined_count = w->owner.func = 0;
	w->owner.pc = w->pc;
}

/* Take the next function that has no frame; false: there are no more. */
lua_inline bool jit_take_inlined(const struct lua_layout *l, struct scry_scratch *s, void *known)
{
	struct lua_walk *w = LUA_WALK(s);
	const struct lua_inlined *next = &w->inlined[w->inlined_taken & (LUA_INLINED - 1)];

	if (w->inlined_taken >= w->inlined_count) {
		w->pc = w->owner.pc;
		return false;
	}
	w->pc = next->pc;
	w->inlined_taken++;
	if (!jit_function(l, s, known, next->func))
		s->walk.error = SCRY_WALK_BAD_CODE;
	return true;
}

#endif
