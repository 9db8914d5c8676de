/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which lua_State a thread runs, part of walk.h. Nothing that a stripped binary publishes leads there, but every function of the
 * interpreter has it in a register or on its C stack. So has whatever resumed it, and much that is dead. Told apart they are by the
 * record of the innermost protected call (L->errorJmp, set in luaD_rawrunprotected, ldo.c), which lies on the C stack of the thread that
 * runs the state: a suspended or finished coroutine has none. Of those that have one, the innermost is the one that runs, and the
 * others, in order, resumed it.
 */
#ifndef SCRY_LUA_SEARCH_H
#define SCRY_LUA_SEARCH_H

#define LUA_SCAN_BYTES 512   /* of the C stack looked at at a time */
#define LUA_SCAN_NEAR  4096  /* a lua_State that runs is found within these */
#define LUA_SCAN_BUFFER 8192 /* or behind so much, and within LUA_SCAN_BEHIND: functions of C that it calls have a luaL_Buffer there (to 5.3) */
#define LUA_SCAN_BEHIND 10240
#define LUA_SCAN_FAR   16384 /* those that resumed it within these */
#define LUA_SCAN_INNER 256   /* what functions that a record's own function calls may have saved of its registers */
#define LUA_MAX_ADDRESS (1ULL << 47)

/* Is the lua_State in s->raw one that runs or waits for what it resumed? */
lua_inline bool lua_is_live(const struct lua_layout *l, struct scry_scratch *s, __u64 state, struct lua_live *ret)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 last = LUA_U64(s, l->state_stack_last), top = LUA_U64(s, l->jit ? JIT_STATE_TOP : LUA_STATE_TOP);
	__u64 global = LUA_U64(s, l->state_global);

	ret->state = state;
	ret->ci = LUA_U64(s, l->state_ci);
	ret->base_ci = l->base_ci_points ? LUA_U64(s, l->state_base_ci) : state + l->state_base_ci;
	ret->stack = LUA_U64(s, l->state_stack);
	ret->pc = l->state_savedpc ? LUA_U64(s, l->state_savedpc) : 0;
	ret->hooked = l->state_allowhook && !LUA_U8(s, l->state_allowhook);
	ret->jump = LUA_U64(s, l->state_errorJmp);
	if (l->jit)
		ret->jump &= JIT_CFRAME; /* of LuaJIT it is the interpreter's frame on the C stack, L->cframe */
	if (LUA_U8(s, l->state_tag) != l->thread_tag || LUA_U8(s, l->state_status) || ret->ci == ret->base_ci || !ret->ci)
		return false;
	if (l->jit && !ret->jump)
		return false;
	if (!global || global & 7 || ret->stack > top || top > last + LUA_SLACK)
		return false;
	if (!ret->jump)
		ret->jump = ~0ULL;
	else if (ret->jump < w->sp || (w->limit && ret->jump >= w->limit))
		return false;
	return true;
}

lua_inline void lua_add(struct lua_walk *w, const struct lua_live *found)
{
	__u32 n = w->live_count;

	for (__u32 i = 0; i < LUA_MAX_LIVE; i++)
		if (i < n && w->live[i].state == found->state)
			return;
	if (n >= LUA_MAX_LIVE) {
		w->missed++;
		return;
	}
	w->live[n & (LUA_MAX_LIVE - 1)] = *found;
	w->live_count = n + 1;
}

/* The main thread of a global_State, if both point to each other. It may be live too, which ends the search where its frames begin. */
lua_inline bool lua_meet_global(const struct lua_layout *l, struct scry_scratch *s, __u64 global, __u64 state)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 main = l->main_inside ? global + l->global_mainthread : walk_pointer(global + l->global_mainthread);
	struct lua_live found;

	if (!main || main & 7)
		return false;
	if (main != state) {
		if (walk_read(s->raw, l->state_bytes & 255, main) || LUA_U8(s, l->state_tag) != l->thread_tag ||
		    LUA_U64(s, l->state_global) != global)
			return false;
		if (lua_is_live(l, s, main, &found)) {
			lua_add(w, &found);
			if (w->until < w->sp + LUA_SCAN_FAR)
				w->until = w->sp + LUA_SCAN_FAR;
		}
	}
	w->global = global;
	w->main = main;
	return true;
}

/* May this word be a lua_State? Then it is looked at, and entered if it is live. */
lua_inline void lua_consider(const struct lua_layout *l, struct scry_scratch *s, __u64 state)
{
	struct lua_walk *w = LUA_WALK(s);
	__u32 bytes = l->state_bytes;
	__u32 tried = (state >> 4 ^ state >> 8) & (LUA_TRIED - 1);
	struct lua_live found;
	__u64 global;

	if (state - w->text < w->text_bytes || w->tried[tried] == state) /* code, or what has been looked at already */
		return;
	w->tried[tried] = state;
	if (bytes > RAW_BYTES || walk_read(s->raw, bytes, state) || !lua_is_live(l, s, state, &found))
		return;
	global = LUA_U64(s, l->state_global);
	if (global != w->global && !lua_meet_global(l, s, global, state))
		return;
	lua_add(w, &found);
}

/* Neither a number, nor on the C stack. */
lua_inline bool lua_may_be_state(const struct lua_walk *w, __u64 value)
{
	return !(value & 7) && value - 65536 < LUA_MAX_ADDRESS && value - w->sp >= LUA_SCAN_FAR;
}

/* The jump after `jump`, of all found, which is that of live[w->which]; ~0 too, after the others. 0: no more. */
lua_inline __u64 lua_next_jump(struct lua_walk *w, __u64 jump)
{
	__u64 best = 0;

	for (__u32 i = 0; i < LUA_MAX_LIVE; i++) {
		const struct lua_live *live = &w->live[i];

		if (i < w->live_count && live->jump > jump && (!best || live->jump < best)) {
			best = live->jump;
			w->which = i; /* in memory, of which the verifier knows nothing: else it would follow each */
		}
	}
	return best;
}

/* Have all that can be live been seen? Nothing that runs is older than the record of the innermost one found; where the main thread
 * waits, what it resumed is newer than its own. */
lua_inline bool lua_search_over(const struct lua_walk *w)
{
	__u64 last = 0;
	bool main = false;

	if (w->at >= w->until || (w->limit && w->at + JIT_CFRAME_BYTES >= w->limit)) /* nothing lies so near the stack's end */
		return true;
	for (__u32 i = 0; i < LUA_MAX_LIVE; i++) {
		if (i >= w->live_count)
			break;
		main |= w->live[i].state == w->main;
		if (w->live[i].jump > last)
			last = w->live[i].jump;
	}
	return main && w->at >= last;
}

/* The next words of the C stack into s->window; near its end, those up to there. True: they are not readable. */
lua_inline bool lua_scan_read(struct scry_scratch *s, __u32 bytes)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 last = (w->limit - bytes) & -JIT_CFRAME_ALIGN;

	if (w->limit && w->at > last && last >= w->from)
		w->at = last;
	lua_window_forget(s);
	return walk_read(s->window, bytes, w->at);
}

/* Look at the next words of the C stack. True when the search is over. */
lua_inline bool lua_scan_on(const struct lua_layout *l, struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);

	if (lua_search_over(w))
		return true;
	if (lua_scan_read(s, LUA_SCAN_BYTES))
		return true;
	for (int i = 0; i < LUA_SCAN_BYTES / 8; i++) {
		__u64 value = ((__u64 *)s->window)[i];

		if (lua_may_be_state(w, value))
			lua_look(l, s, value);
	}
	w->at += LUA_SCAN_BYTES;
	return false;
}

/*
 * May this be LuaJIT's frame on the C stack (vm_x64.dasc)? It lies at a multiple of 16; of its words the second begins with how many
 * results are wanted, or what a stack is to shrink by, the third is the lua_State, and the fifth the frame before it, further out, or none.
 * They are needed when it ends, and so in machine code too; what stands for the instruction is not.
 */
lua_inline bool jit_is_cframe(__u64 frame, const __u64 *word)
{
	return (__u32)word[1] + JIT_CFRAME_RESULTS < 2 * JIT_CFRAME_RESULTS && (!word[4] || word[4] - frame < JIT_STACK_BYTES);
}

/* The same where frames have been found to be so (w->guard): words that are in none need not be looked at. */
lua_inline bool jit_scan_on(const struct lua_layout *l, struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);

	if (lua_search_over(w))
		return true;
	w->at = (w->at + JIT_CFRAME_ALIGN - 1) & -JIT_CFRAME_ALIGN;
	if (lua_scan_read(s, LUA_SCAN_BYTES + JIT_CFRAME_BYTES)) {
		w->guard = 0; /* near the end of the stack */
		return false;
	}
	for (int i = 0; i < LUA_SCAN_BYTES; i += JIT_CFRAME_ALIGN) {
		const __u64 *word = (const __u64 *)(s->window + i);

		if (jit_is_cframe(w->at + i, word) && lua_may_be_state(w, word[2]))
			lua_look(l, s, word[2]);
	}
	w->at += LUA_SCAN_BYTES;
	return false;
}

/* Begin with a thread's registers. `sp`: its stack pointer in user mode; `start_stack`: that with which its process began, 0: not known. */
lua_inline void lua_begin(struct scry_scratch *s, __u64 sp, __u64 start_stack)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 thread = s->walk.thread;
	__u32 serial = w->serial + 1;

	__builtin_memset(w, 0, offsetof(struct lua_walk, live));
	w->serial = serial;
	w->sp = sp;
	w->from = w->at = sp & ~7ULL;
	w->until = w->at + LUA_SCAN_NEAR;
	/* The C library keeps its own part of a thread at the end of its stack, but for the first thread's, where its arguments are. */
	w->limit = thread > sp ? thread : start_stack > sp ? start_stack : 0;
	w->top = 1;
}

/* ---- by protected calls ---- */

/*
 * Each of them has a struct lua_longjmp (ldo.c): the previous one, then a jmp_buf, in which glibc keeps rbx, rbp, r12 to r15, rsp and
 * rip in this order (sysdeps/x86_64/jmpbuf-offsets.h), the addresses rotated by 17 after an xor with a secret of the process, which is in
 * the thread's head (pointer_guard of tcbhead_t). An rsp that comes out as the place where it stands, with an rip in the interpreter, is a
 * protected call's: so all of them are found by looking at the words of the C stack alone. (The C library has such a jmp_buf of its own
 * where a thread begins.) Where Lua is built as C++, or with another C library, it is not so.
 */
#define LUA_RECORD_SP	 56
#define LUA_RECORD_BYTES 72   /* up to and with rip */
#define LUA_RECORD_FRAME 1024 /* of the function that it lies in */
#define LUA_OWNER_BEFORE 64   /* words near it, among them the lua_State: saved registers, and what the function has on the stack */
#define LUA_OWNER_BYTES	 384

lua_inline __u64 lua_unscramble(const struct lua_walk *w, __u64 word)
{
	return (word >> 17 | word << 47) ^ w->guard;
}

/* `word`: the scrambled rsp, and behind it rip. */
lua_inline bool lua_is_record(const struct lua_walk *w, const __u64 *word, __u64 record)
{
	return record - lua_unscramble(w, word[0]) < LUA_RECORD_FRAME && lua_unscramble(w, word[1]) - w->text < w->text_bytes;
}

/* Find out, by one that is known, whether they can be told; of LuaJIT, its frames. */
lua_inline void lua_learn_marks(const struct lua_layout *l, struct lua_walk *w, struct lua_marks *marks)
{
	__u64 jump = lua_next_jump(w, 0), word[LUA_RECORD_BYTES / 8] = {};

	if (marks->guard || marks->unguarded >= LUA_LEARNS || !jump || jump == ~0ULL)
		return;
	if ((!l->jit && !w->guard_at) || walk_read(word, sizeof(word), jump))
		return;
	if (l->jit) {
		marks->guard = !(jump & (JIT_CFRAME_ALIGN - 1)) && jit_is_cframe(jump, word);
		marks->unguarded += !marks->guard;
		return;
	}
	w->guard = walk_pointer(w->guard_at);
	if (w->guard && lua_is_record(w, word + LUA_RECORD_SP / 8, jump))
		marks->guard = w->guard;
	else
		marks->unguarded++;
}

/* Words near a protected call, among them its state: into s->window, behind LUA_HALF. They are looked at. */
lua_inline bool lua_owner_look(const struct lua_layout *l, struct scry_scratch *s, __u64 record)
{
	lua_window_forget(s);
	if (walk_read(s->window + LUA_HALF, LUA_OWNER_BYTES, record - LUA_OWNER_BEFORE))
		return false;
	for (int i = 0; i < LUA_OWNER_BYTES / 8; i++) {
		__u64 value = ((__u64 *)(s->window + LUA_HALF))[i];

		if (lua_may_be_state(LUA_WALK(s), value))
			lua_look(l, s, value);
	}
	return true;
}

/* Is it that of live[i], or an earlier one of that state, which is then near? */
lua_inline bool lua_owner_is(struct scry_scratch *s, __u32 i, __u64 record)
{
	const struct lua_live *live = &LUA_WALK(s)->live[i & (LUA_MAX_LIVE - 1)];
	__u64 near = 0;

	if (live->jump >= record)
		return live->jump == record;
	for (int k = 0; k < LUA_OWNER_BYTES / 8; k++) {
		__u64 differs = ((__u64 *)(s->window + LUA_HALF))[k] ^ live->state;

		near |= (differs - 1) & ~differs; /* its highest bit: they are equal. Without a branch, which the verifier would follow */
	}
	return near >> 63;
}

lua_inline bool lua_is_known_record(const struct lua_walk *w, __u64 record)
{
	for (__u32 i = 0; i < LUA_MAX_LIVE; i++)
		if (i < w->live_count && w->live[i].jump == record)
			return true;
	return false;
}

/* Nothing was found: look behind a buffer. */
lua_inline void lua_reach(struct lua_walk *w)
{
	if (w->live_count || w->at < w->until || w->until - w->sp > LUA_SCAN_NEAR)
		return;
	w->at = (w->sp & ~7ULL) + LUA_SCAN_BUFFER;
	w->until = w->sp + LUA_SCAN_BEHIND;
}

/* Look for them in the next words of the C stack. True when the search is over. */
lua_inline bool lua_records_on(struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 at;

	lua_reach(w);
	if (w->unsure || lua_search_over(w) || lua_scan_read(s, LUA_SCAN_BYTES + 8))
		return true;
	at = w->at;
	for (int i = 0; i < LUA_SCAN_BYTES / 8; i++) {
		__u64 record = at + 8 * i - LUA_RECORD_SP;

		if (lua_is_record(w, (__u64 *)s->window + i, record))
			lua_find_owner(s, record);
	}
	w->at = at + LUA_SCAN_BYTES;
	return false;
}

#endif
