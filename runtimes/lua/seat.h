/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is remembered of a thread, part of walk.h: a search of the C stack costs several times what the rest of a walk does. Nothing is
 * believed: a state that was found before is looked at as one that is found on the stack.
 */
#ifndef SCRY_LUA_SEAT_H
#define SCRY_LUA_SEAT_H

/* Those that were live when the thread was last looked at are looked at first; of LuaJIT also the one that ran last. */
lua_inline void lua_recall(const struct lua_layout *l, struct scry_scratch *s, const struct lua_seat *seat)
{
	struct lua_walk *w = LUA_WALK(s);

	if (!seat->global)
		return;
	w->global = seat->global;
	w->main = seat->main;
	if (l->jit) {
		jit_machine(l, w);
		if (lua_may_be_state(w, w->jit_state))
			lua_look(l, s, w->jit_state);
	}
	if (lua_may_be_state(w, seat->main))
		lua_look(l, s, seat->main);
	if (w->live_count && w->until < w->sp + LUA_SCAN_FAR)
		w->until = w->sp + LUA_SCAN_FAR;
	for (int i = 0; i < LUA_SEAT; i++)
		if (lua_may_be_state(w, seat->state[i]))
			lua_look(l, s, seat->state[i]);
}

lua_inline void lua_remember(struct lua_walk *w, struct lua_seat *seat)
{
	__u32 n = 0;

	seat->global = w->global;
	seat->main = w->main;
	for (__u32 i = 0; i < LUA_SEAT; i++)
		seat->state[i] = 0;
	for (__u32 i = 0; i < LUA_MAX_LIVE; i++) {
		if (i >= w->live_count || n >= LUA_SEAT)
			break;
		if (w->live[i].state != w->main)
			seat->state[n++ & (LUA_SEAT - 1)] = w->live[i].state;
	}
}

/*
 * Is the innermost of the states that were recalled the one that runs, for certain? One that runs a Lua function has not resumed
 * another: that is done by functions in C, which have CallInfos, or by debug hooks. What remains to be found are those that resumed
 * it, whose records are older than its own.
 */
lua_inline bool lua_is_inner(const struct lua_layout *l, struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);
	struct lua_call call = {};
	__u64 jump = lua_next_jump(w, 0);
	const struct lua_live *live = &w->live[w->which & (LUA_MAX_LIVE - 1)];

	if (!jump || jump == ~0ULL || live->hooked)
		return false;
	w->stack = live->stack;
	if (l->jit ? !jit_is_inner(l, s, live->state) :
		     !lua_read_call(l, s, live->ci, &call) || !lua_call_agrees(l, &call) || call.status & l->status_hooked ||
		     (!l->status_bytes && !lua_read_closure(l, s, &call)) || call.is_c)
		return false;
	/* The functions inside the record's own may have saved registers of those outside. But nothing resumed the main thread. */
	if (w->from < jump - LUA_SCAN_INNER)
		w->from = (jump - LUA_SCAN_INNER) & ~7ULL;
	if (live->state == w->main)
		w->from = w->until;
	w->at = w->from;
	return true;
}

#endif
