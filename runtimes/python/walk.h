/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk of CPython's frames, from a thread to its leaf-first list of code objects. Beside what runtimes/walk.h asks
 * for, whoever includes this file defines
 *
 *     __u32 walk_code(struct python_walk *, __u64 address)     id of a code object; 0: none, error set in w->error
 *
 * All offsets are data (struct python_layout); nothing here knows versions.
 *
 * Run in the context of the thread itself the walk sees the thread's own stores in order, so it cannot tear. Memory may
 * still be hostile: each length is bounded, each loop ends, a cycle is found.
 */
#ifndef SCRY_PYTHON_WALK_H
#define SCRY_PYTHON_WALK_H

#include "../walk.h"
#include "layout.h"

#define WALK_MAX_STATES 16384 /* thread states looked at to find one */

struct python_walk {
	const struct scry_python *py;
	struct scry_scratch *s; /* raw[] to read into; frames[] for the result */
	__u64 bias;
	__u64 thread;	   /* the thread pointer */
	__u64 tls_module;  /* module id of the interpreter's thread-local block, once known */
	__u64 frame;	   /* next frame to read */
	__u64 interp;	   /* search: interpreter whose threads are looked at */
	__u64 mark;	   /* cycle detection: an earlier frame ... */
	__u32 next_mark;   /* ... replaced at each power of two (Brent) */
	__u32 steps;	   /* frames read, the interpreter's own included */
	__u32 count;	   /* frames found */
	__u32 max_stack;
	__u32 pid, instance, generation;  /* for walk_code */
	struct scry_code_cache *cache;	  /* likewise */
	__u32 error;
};

static __u32 walk_code(struct python_walk *w, __u64 address);

/*
 * Read the state at `state` into raw and take it only if it is this thread's: CPython stores pthread_self() in each,
 * which is the thread pointer. Sets w->frame.
 */
static __always_inline bool python_state_is_ours(struct python_walk *w, __u64 state)
{
	const struct python_layout *l = &w->py->layout;
	__u32 size = w->py->state_bytes;

	if (!state || size > RAW_BYTES || walk_read(w->s->raw, size, state))
		return false;
	if (RAW_U64(w->s, l->tstate_thread_id) != w->thread)
		return false;
	if (l->tstate_cframe) /* 3.11, 3.12: the current frame hangs off the C stack */
		w->frame = walk_pointer(RAW_U64(w->s, l->tstate_cframe) + OFF(l->cframe_current_frame));
	else
		w->frame = RAW_U64(w->s, l->tstate_frame);
	return true;
}

/* Value of one of the interpreter's thread-local variables. glibc and musl on x86-64 and aarch64 keep the vector of
 * a thread's TLS blocks one word after the thread pointer's own (struct pthread.dtv); entries are 16 bytes in glibc. */
static __always_inline __u64 python_tls(struct python_walk *w, __s64 offset)
{
	__u64 block;

	if (!w->py->tls_module)
		return walk_pointer(w->thread + offset);
	if (!w->tls_module)
		w->tls_module = walk_pointer(w->bias + w->py->tls_module);
	if (!w->tls_module || w->tls_module > 4096)
		return 0;
	block = walk_pointer(walk_pointer(w->thread + 8) + 16 * w->tls_module);
	return block && block + 1 ? walk_pointer(block + offset) : 0;
}

/* pthread_getspecific as glibc stores the first 32 keys: struct pthread.specific_1stblock, pairs of (seq, value).
 * Elsewhere (musl) this reads something else, which the check of the state refuses. */
#define GLIBC_SPECIFIC 0x310
static __always_inline __u64 python_specific(struct python_walk *w)
{
	__u32 key = 32;

	if (walk_read(&key, sizeof(key), w->bias + w->py->tss_key) || key >= 32)
		return 0;
	return walk_pointer(w->thread + GLIBC_SPECIFIC + 16 * key + 8);
}

/* One thread state of one interpreter; the next interpreter after the last. w->frame carries the state to look at. */
static long python_search_step(__u32 i, struct python_walk *w)
{
	const struct python_layout *l = &w->py->layout;
	__u64 state = w->frame;

	(void)i;
	if (!state) {
		w->interp = walk_pointer(w->interp + OFF(l->interp_next));
		if (!w->interp)
			return 1;
		w->frame = walk_pointer(w->interp + OFF(l->interp_threads_head));
		return 0;
	}
	if (python_state_is_ours(w, state)) {
		w->interp = 0;
		w->error = SCRY_WALK_OK;
		return 1;
	}
	w->frame = walk_pointer(state + OFF(l->tstate_next));
	return 0;
}

/*
 * Find the state of the thread, holding the GIL or not. First what the interpreter itself would use, then the lists
 * of all interpreters and their threads. Each candidate must name this thread, so a stale one is refused.
 */
static __always_inline void python_find_state(struct python_walk *w)
{
	const struct scry_python *py = w->py;

	if (py->has_tls_tstate && python_state_is_ours(w, python_tls(w, py->tls_tstate)))
		return;
	if (py->has_tls_gilstate && python_state_is_ours(w, python_tls(w, py->tls_gilstate)))
		return;
	if (py->current && python_state_is_ours(w, walk_pointer(w->bias + py->current)))
		return;
	if (py->tss_key && python_state_is_ours(w, python_specific(w)))
		return;
	w->error = SCRY_WALK_NOT_STARTED;
	w->interp = walk_pointer(w->bias + py->interpreters);
	if (!w->interp)
		return;
	w->error = SCRY_WALK_NO_THREAD_STATE;
	w->frame = walk_pointer(w->interp + OFF(py->layout.interp_threads_head));
	WALK_LOOP(WALK_MAX_STATES, python_search_step, w);
	if (w->error)
		w->frame = 0;
}

/* Byte offset of the frame's instruction from its code object's first one. */
static __always_inline __s32 python_at(struct python_walk *w, __u64 code)
{
	const struct python_layout *l = &w->py->layout;
	__u64 first = code + OFF(l->code_bytecode), at;

	if (l->instr != PYTHON_INSTR_POINTER) {
		__s32 last = RAW_U32(w->s, l->frame_instr);

		return last < 0 ? SCRY_AT_NONE : l->instr == PYTHON_INSTR_UNITS ? last * 2 : last;
	}
	at = RAW_U64(w->s, l->frame_instr);
	if (l->code_tlbc && l->frame_tlbc_index) { /* each thread has a copy of the bytecode */
		__u32 index = RAW_U32(w->s, l->frame_tlbc_index);
		__u64 copies = walk_pointer(code + OFF(l->code_tlbc));

		if (copies && index && index < 65536)
			first = walk_pointer(copies + 8 + 8 * (__u64)index);
	}
	at -= first;
	return at < (1 << 28) ? (__s32)at : SCRY_AT_NONE;
}

/* One frame. */
static long python_frame_step(__u32 i, struct python_walk *w)
{
	const struct python_layout *l = &w->py->layout;
	__u32 size = w->py->frame_bytes, id, n = w->count;
	__u64 frame = w->frame, code;
	__s32 at;

	(void)i;
	if (!frame)
		return 1;
	if (n >= w->max_stack || n >= SCRY_MAX_STACK) {
		w->error = SCRY_WALK_TRUNCATED;
		return 1;
	}
	if (size > RAW_BYTES || walk_read(w->s->raw, size, frame)) {
		w->error = SCRY_WALK_FRAME_FAULT;
		return 1;
	}
	w->frame = RAW_U64(w->s, l->frame_previous);
	if (frame == w->mark) {
		w->error = SCRY_WALK_FRAME_CYCLE;
		return 1;
	}
	if (w->steps == w->next_mark) {
		w->mark = frame;
		w->next_mark = w->steps * 2 + 1;
	}
	w->steps++;
	/* The interpreter's own frames mark entries from C: no function of the program. */
	if (l->owner_interpreter && RAW_U8(w->s, l->frame_owner) >= l->owner_interpreter)
		return 0;
	code = RAW_U64(w->s, l->frame_code);
	if (l->tagged)
		code &= ~3ULL;
	at = python_at(w, code);
	id = walk_code(w, code);
	if (!id)
		return 1;
	w->s->frames[n].code = id;
	w->s->frames[n].at = at;
	w->count = n + 1;
	return 0;
}

/* Walk the thread's frames into s->frames. w: py, s, bias, thread, max_stack and what walk_code needs are set. */
static __always_inline void python_walk_frames(struct python_walk *w)
{
	python_find_state(w);
	if (w->error)
		return;
	if (!w->frame) {
		w->error = SCRY_WALK_NOT_STARTED;
		return;
	}
	WALK_LOOP(2 * SCRY_MAX_STACK, python_frame_step, w);
	if (!w->error && w->frame)
		w->error = SCRY_WALK_TRUNCATED;
}

#endif
