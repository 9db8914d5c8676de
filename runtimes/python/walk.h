/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk of CPython's frames, from a thread to its leaf-first list of code objects. Beside what runtimes/walk.h asks
 * for, whoever includes this file defines
 *
 *     __u32 walk_code(struct scry_scratch *s, void *known, __u64 address)
 *
 * the id of a code object, or 0 with s->walk.error set. All offsets are data (struct python_layout); nothing here knows
 * versions.
 *
 * Run in the context of the thread itself the walk sees the thread's own stores in order, so it cannot tear. Memory may
 * still be hostile: each length is bounded, each loop ends, a cycle is found.
 */
#ifndef SCRY_PYTHON_WALK_H
#define SCRY_PYTHON_WALK_H

#include "../walk.h"
#include "layout.h"

#define walk_inline static inline __attribute__((always_inline))

/* What was found so far is no stack: forget it, and start at the frame that certainly is one. */
walk_inline __u64 python_walk_again(struct scry_walk *w)
{
	w->unsure = 0;
	w->again = 1;
	w->error = w->entry ? SCRY_WALK_OK : SCRY_WALK_ENTERING;
	w->count = 0;
	w->entries = 0;
	w->steps = 0;
	w->next_mark = 0;
	w->mark = 0;
	return w->entry;
}

/*
 * In 3.11 and 3.12 the current frame hangs off a structure on the C stack. The eval function links its own into the thread
 * state and sets the frame in it, in the order the compiler likes: in between, the frame is whatever lay on the stack. The way
 * out: the frame by which C entered has the one that was current before as its caller. If the walk finds another there, or
 * nothing, it starts again from that one. The link to the structure before may be set as late (3.12.1 as gcc 13 makes it: 24
 * instructions after the structure is current), so what lies there may be nonsense too: then there is no way out.
 *
 * Below the outermost structure, which is part of the thread state, nothing was current: that saves a read. (A generator that C
 * throws into where no Python runs is there for the time of it: then the caller is not the expected one, and the walk says so.)
 */
walk_inline void python_cframe(const struct python_layout *l, struct scry_scratch *s, __u64 state, __u64 cframe)
{
	__u64 pair[2] = {}, outer; /* current_frame and previous, side by side: layout_rows.c */

	if (walk_read(pair, sizeof(pair), cframe + OFF(l->cframe_current_frame)))
		s->walk.error = SCRY_WALK_STATE_FAULT;
	s->walk.frame = pair[0];
	outer = pair[1];
	s->walk.inner = outer != state + OFF(l->tstate_root_cframe);
	s->walk.entry = outer && s->walk.inner ? walk_pointer(outer + OFF(l->cframe_current_frame)) : 0;
	s->walk.unsure = s->walk.entry != s->walk.frame; /* the same on the way out */
	if (!s->walk.frame) {
		s->walk.frame = s->walk.entry;
		s->walk.unsure = 0;
	}
}

/*
 * Read the state at `state` into raw and take it only if it is this thread's: CPython stores pthread_self() in each,
 * which is the thread pointer. Sets walk.frame.
 */
walk_inline bool python_state_is_ours(const struct scry_python *py, struct scry_scratch *s, __u64 state)
{
	const struct python_layout *l = &py->layout;
	__u32 size = py->state_bytes;

	if (!state || size > RAW_BYTES || walk_read(s->raw, size, state))
		return false;
	if (RAW_U64(s, l->tstate_thread_id) != s->walk.thread)
		return false;
	s->walk.state = state;
	if (l->tstate_cframe)
		python_cframe(l, s, state, RAW_U64(s, l->tstate_cframe));
	else
		s->walk.frame = RAW_U64(s, l->tstate_frame);
	return true;
}

/* Value of one of the interpreter's thread-local variables. glibc keeps the vector of a thread's TLS blocks one word after
 * the thread pointer's own (struct pthread.dtv), entries of 16 bytes. */
walk_inline __u64 python_tls(const struct scry_python *py, struct scry_scratch *s, __s64 offset)
{
	struct scry_walk *w = &s->walk;
	__u64 block;

	if (!py->tls_module)
		return walk_pointer(w->thread + offset);
	if (!w->tls_module)
		w->tls_module = walk_pointer(w->bias + py->tls_module);
	if (!w->tls_module || w->tls_module > 4096)
		return 0;
	block = walk_pointer(walk_pointer(w->thread + 8) + 16 * w->tls_module);
	return block && block + 1 ? walk_pointer(block + offset) : 0; /* -1: not allocated yet */
}

/* pthread_getspecific as glibc stores the first 32 keys: struct pthread.specific_1stblock, pairs of (seq, value).
 * Elsewhere (musl) this reads something else, which the check of the state refuses. */
#define GLIBC_SPECIFIC 0x310
walk_inline __u64 python_specific(const struct scry_python *py, struct scry_scratch *s)
{
	__u32 key = 32;

	if (walk_read(&key, sizeof(key), s->walk.bias + py->tss_key) || key >= 32)
		return 0;
	return walk_pointer(s->walk.thread + GLIBC_SPECIFIC + 16 * key + 8);
}

/* Where the interpreter itself would look for the state of the thread, the surest first. 0: there is none, or not in this build. */
#define PYTHON_CANDIDATES 4
walk_inline __u64 python_candidate(const struct scry_python *py, struct scry_scratch *s, int i)
{
	if (i < 2) {
		bool there = i ? py->has_tls_gilstate : py->has_tls_tstate;

		return there ? python_tls(py, s, i ? py->tls_gilstate : py->tls_tstate) : 0;
	}
	if (i == 2)
		return py->current ? walk_pointer(s->walk.bias + py->current) : 0;
	return py->tss_key ? python_specific(py, s) : 0;
}

/*
 * Find the state of the thread, holding the GIL or not. Each candidate must name this thread, so a stale one is refused.
 * false: the lists have to be searched (python_search), or error is set.
 */
walk_inline bool python_find_state(const struct scry_python *py, struct scry_scratch *s)
{
	struct scry_walk *w = &s->walk;

	walk_rolled
	for (int i = 0; i < PYTHON_CANDIDATES; i++) {
		if (python_state_is_ours(py, s, python_candidate(py, s, i)))
			return true;
		walk_forget();
	}
	w->frame = 0;
	w->interp = walk_pointer(w->bias + py->interpreters);
	if (w->interp)
		w->frame = walk_pointer(w->interp + OFF(py->layout.interp_threads_head));
	else
		w->error = SCRY_WALK_NOT_STARTED;
	return false;
}

/* Look at the thread states of all interpreters, one list after the other, walk.frame being the next to look at. True when
 * the search is over; then frame is the thread's, or error is set. */
walk_inline bool python_search(const struct scry_python *py, struct scry_scratch *s)
{
	const struct python_layout *l = &py->layout;
	struct scry_walk *w = &s->walk;

	for (int i = 0; i < WALK_CHUNK; i++) {
		__u64 state = w->frame;

		if (state) {
			if (python_state_is_ours(py, s, state))
				return true;
			if (!walk_read(&w->frame, sizeof(w->frame), state + OFF(l->tstate_next)))
				continue;
			w->error = SCRY_WALK_STATE_FAULT;
			return true;
		}
		w->interp = walk_pointer(w->interp + OFF(l->interp_next));
		if (!w->interp) {
			w->error = SCRY_WALK_NO_THREAD_STATE;
			return true;
		}
		w->frame = walk_pointer(w->interp + OFF(l->interp_threads_head));
	}
	return false;
}

#define MAX_AT (1u << 28) /* bytes of a code object; what is beyond, or before the first, is no position */

#define PAGE_BYTES 4096 /* the smallest there is */
#define FIRST_BEFORE 448 /* read with the first frame: the callers of a stack that is not deep, and no cache lines that are not needed */

/* Field of the frame that begins `in` bytes into the window. The mask keeps the verifier content. */
#define FRAME_FIELD(s, type, in, field) (*(type *)((s)->window + (((in) + OFF(field)) & (WINDOW_BYTES - sizeof(type)))))

/*
 * Have the frame at `frame` in the window. What is read beside it is on the same page, so that no read fails which would
 * not fail for the frame alone.
 */
walk_inline bool python_frame_load(const struct scry_python *py, struct scry_scratch *s, __u64 frame)
{
	struct scry_walk *w = &s->walk;
	__u64 before = py->frame_window - py->frame_bytes, on_page = frame & (PAGE_BYTES - 1);
	__u32 size;

	if (frame - w->window_from <= w->window_last)
		return true;
	if (!w->count && before > FIRST_BEFORE)
		before = FIRST_BEFORE;
	if (before > on_page)
		before = on_page;
	w->window_last = before;
	w->window_from = frame - before;
	size = before + py->frame_bytes;
	return size <= WINDOW_BYTES && !walk_read(s->window, size, frame - before);
}

/* Byte offset of the frame's instruction from its code object's first one. */
walk_inline __s32 python_at(const struct python_layout *l, struct scry_scratch *s, __u64 in, __u64 code)
{
	__u64 first = code + OFF(l->code_bytecode), at;

	if (l->instr != PYTHON_INSTR_POINTER) {
		__u32 last = FRAME_FIELD(s, __u32, in, l->frame_instr);

		if (last >= MAX_AT)
			return SCRY_AT_NONE;
		return l->instr == PYTHON_INSTR_UNITS ? last * 2 : last;
	}
	at = FRAME_FIELD(s, __u64, in, l->frame_instr);
	if (l->code_tlbc && l->frame_tlbc_index) { /* each thread has a copy of the bytecode */
		__u32 index = FRAME_FIELD(s, __u32, in, l->frame_tlbc_index);
		__u64 copies = walk_pointer(code + OFF(l->code_tlbc));

		if (copies && index)
			first = index < 65536 ? walk_pointer(copies + 8 + 8 * (__u64)index) : 0;
	}
	at -= first;
	return at < MAX_AT ? (__s32)at : SCRY_AT_NONE;
}

/* Is it by this frame that C entered the interpreter? */
walk_inline bool python_is_entry(const struct python_layout *l, struct scry_scratch *s, __u64 in)
{
	if (l->frame_is_entry)
		return FRAME_FIELD(s, __u8, in, l->frame_is_entry);
	return FRAME_FIELD(s, __u8, in, l->frame_owner) >= l->owner_interpreter;
}

/* C entered the interpreter here: said of the frame before which, towards the leaf, there is no other such place. */
walk_inline void python_count_entry(struct scry_scratch *s)
{
	struct scry_walk *w = &s->walk;
	__u32 last = w->count - 1;

	if (!w->count)
		w->entries += w->entries < SCRY_ENTRIES_MAX;
	else if (last < SCRY_MAX_STACK && s->frames[last].code >> SCRY_ENTRIES_SHIFT < SCRY_ENTRIES_MAX)
		s->frames[last].code += SCRY_CODE_IDS;
}

/* To 3.10 each frame has a call of the eval function, 3.11 marks those that have; later versions have a frame of their own there. */
walk_inline bool python_enters(const struct python_layout *l, struct scry_scratch *s, __u64 in)
{
	if (l->frame_is_entry)
		return FRAME_FIELD(s, __u8, in, l->frame_is_entry);
	return !l->owner_interpreter;
}

/*
 * Is the innermost frame being entered, so that its caller cannot be trusted? 3.11 and 3.12 make a frame current and set its
 * caller (DISPATCH_INLINED, Python/ceval.c) in the order the compiler likes; in between, the caller is that of an earlier call at
 * the same place. A function's frame then has run no instruction and still holds its stack's top, which is taken from
 * it when it starts; a generator's has no caller at all, though it is marked as running. As long as the caller is to be
 * stored it lies in a register: there, the one that the frame names is the right one.
 */
walk_inline bool python_is_entering(const struct python_layout *l, struct scry_scratch *s, __u64 in, __u64 frame, __s32 at)
{
	const __u8 owned_by_generator = 1, executing = 0; /* FRAME_OWNED_BY_GENERATOR, FRAME_EXECUTING */
	__u8 state = 1;

	if (FRAME_FIELD(s, __u8, in, l->frame_owner) != owned_by_generator)
		return at == SCRY_AT_NONE && FRAME_FIELD(s, __s32, in, l->frame_saved_top) >= 0 &&
		       !walk_in_register(FRAME_FIELD(s, __u64, in, l->frame_previous));
	/* gi_frame_state stands right before gi_iframe's padding: Include/internal/pycore_genobject.h */
	return !FRAME_FIELD(s, __u64, in, l->frame_previous) && !walk_read(&state, 1, frame - 5) && state == executing;
}

/* Take the frame at `frame`; its caller, or 0. An error ends the walk. */
walk_inline __u64 python_frame(const struct scry_python *py, struct scry_scratch *s, void *known, __u64 frame)
{
	const struct python_layout *l = &py->layout;
	struct scry_walk *w = &s->walk;
	__u64 in, code, previous;
	__u32 n = w->count, id;

	if (!python_frame_load(py, s, frame)) {
		w->error = SCRY_WALK_FRAME_FAULT;
		return 0;
	}
	walk_forget();
	in = frame - w->window_from;
	previous = FRAME_FIELD(s, __u64, in, l->frame_previous);
	if (w->unsure && python_is_entry(l, s, in)) {
		if (previous != w->entry)
			return 0; /* walk again, from there */
		w->unsure = 0;
	}
	walk_forget();
	/* The interpreter's own frames mark entries from C: no function of the program. */
	if (l->owner_interpreter && FRAME_FIELD(s, __u8, in, l->frame_owner) >= l->owner_interpreter) {
		if (walk_counts_entries() && (previous || !l->has_base_frame))
			python_count_entry(s);
		return previous;
	}
	if (n >= w->max_stack || n >= SCRY_MAX_STACK) {
		w->error = SCRY_WALK_TRUNCATED;
		return 0;
	}
	code = FRAME_FIELD(s, __u64, in, l->frame_code);
	w->code = l->tagged ? code & ~3ULL : code;
	walk_forget();
	w->at = python_at(l, s, in, w->code);
	walk_forget();
	id = walk_code(s, known, w->code);
	if (!id)
		return 0;
	s->frames[n].code = id;
	s->frames[n].at = w->at;
	w->count = n + 1;
	if (walk_counts_entries() && python_enters(l, s, in))
		python_count_entry(s);
	if (!n && w->unsure && python_is_entering(l, s, in, frame, w->at)) {
		w->error = SCRY_WALK_ENTERING;
		w->unsure = 0;
		return 0;
	}
	return previous;
}

/* What a walk ends with that began at something else than a frame. */
walk_inline bool python_is_nonsense(__u32 error)
{
	return error == SCRY_WALK_FRAME_FAULT || error == SCRY_WALK_FRAME_CYCLE || error == SCRY_WALK_BAD_CODE ||
	       error == SCRY_WALK_CODE_FAULT;
}

walk_inline void python_give_up(struct scry_walk *w)
{
	w->error = SCRY_WALK_ENTERING;
	w->count = 0;
	w->entries = 0;
}

/* One step. True when the walk is over. */
walk_inline bool python_step(const struct scry_python *py, struct scry_scratch *s, void *known)
{
	struct scry_walk *w = &s->walk;
	__u64 frame = w->frame;

	if (!frame)
		return true;
	if (frame == w->mark) {
		w->error = SCRY_WALK_FRAME_CYCLE;
		frame = 0;
	} else {
		if (w->steps++ == w->next_mark) {
			w->mark = frame;
			w->next_mark = w->steps * 2;
		}
		frame = python_frame(py, s, known, frame);
	}
	if (!frame && w->unsure && (!w->error || ((w->entry || w->inner) && w->error != SCRY_WALK_TRUNCATED)))
		frame = python_walk_again(w);
	else if (!frame && w->again && python_is_nonsense(w->error)) /* neither frame was one: both links are still to be set */
		python_give_up(w);
	w->frame = frame;
	walk_forget();
	return false;
}

/* Walk on for a chunk. True when the walk is over. Nothing of a step is left in registers or on the stack, so that the BPF
 * verifier need not follow the ways through one step apart through the next ones. */
walk_inline bool python_walk_on(const struct scry_python *py, struct scry_scratch *s, void *known)
{
	walk_rolled
	for (int i = 0; i < WALK_CHUNK; i++)
		if (python_step(py, s, known))
			return true;
	return false;
}

#endif
