/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that runs Lua, made of nothing but an image of its memory: states, stacks, calls and functions laid out as one row of the
 * layout table says, and the C stack of its thread; and the walk of it, in the order in which BPF does it (bpf/lua.bpf.c).
 */
#ifndef TEST_FAKE_LUA_H
#define TEST_FAKE_LUA_H

#include "image.h"
#include "runtimes/lua/lua.h"
#include "runtimes/lua/state.h"

#define FAKE_LUA_HEAP  0x7f0000000000ull
#define FAKE_LUA_STACK 0x7ffe00000000ull /* its thread's stack pointer */
#define FAKE_LUA_ROOM  65536	      /* bytes of that stack */
#define FAKE_LUA_GUARD 0x1122334455667788ull
#define FAKE_LUA_TEXT  0x555500000000ull
#define FAKE_LUA_SLOTS 512	/* of a state's stack */
#define FAKE_LUA_CALLS 64	/* of a state */
#define FAKE_LUA_CODES 256	/* functions that a walk can meet */

/* ---- what the walker asks for ---- */

struct fake_known {
	struct {
		__u32 kind;
		__u64 address, content;
	} code[FAKE_LUA_CODES];
	__u32 count;
	struct {
		__u64 pc;
		struct lua_place place;
	} place[FAKE_LUA_CODES];
	__u32 places;
};

static inline __u32 lua_code(struct scry_scratch *s, void *known, __u32 kind, __u64 address);
static inline void lua_look(const struct lua_layout *l, struct scry_scratch *s, __u64 value);
static inline void lua_find_owner(struct scry_scratch *s, __u64 record);
static inline void jit_unfold_on(struct scry_scratch *s, __u64 frame);
static inline bool jit_entry_on(struct scry_scratch *s, __u32 i);
static inline bool jit_inlined_on(struct scry_scratch *s);
static inline __u64 lua_hash_on(struct scry_scratch *s, __u64 hash, __u32 from, __u32 size);

static inline bool lua_place_known(struct scry_scratch *s, void *known, __u64 pc, struct lua_place *ret)
{
	struct fake_known *k = known;

	(void)s;
	for (__u32 i = 0; i < k->places; i++)
		if (k->place[i].pc == pc) {
			*ret = k->place[i].place;
			return true;
		}
	return false;
}

static inline void lua_place_keep(struct scry_scratch *s, void *known, __u64 pc, const struct lua_place *place)
{
	struct fake_known *k = known;

	(void)s;
	if (k->places < FAKE_LUA_CODES) {
		k->place[k->places].pc = pc;
		k->place[k->places++].place = *place;
	}
}

#include "runtimes/lua/identity.h"
#include "runtimes/lua/walk.h"

static __thread const struct lua_layout *fake_lua_layout;

static inline void lua_look(const struct lua_layout *l, struct scry_scratch *s, __u64 value)
{
	lua_consider(l, s, value);
}

static inline void jit_unfold_on(struct scry_scratch *s, __u64 frame)
{
	jit_unfold(s, frame);
}

static inline bool jit_entry_on(struct scry_scratch *s, __u32 i)
{
	return jit_entry(s, i);
}

static inline bool jit_inlined_on(struct scry_scratch *s)
{
	return jit_inlined(s);
}

static inline void lua_find_owner(struct scry_scratch *s, __u64 record)
{
	struct lua_walk *w = LUA_WALK(s);

	if (lua_is_known_record(w, record))
		return;
	if (lua_owner_look(fake_lua_layout, s, record))
		for (__u32 i = 0; i < w->live_count; i++)
			if (lua_owner_is(s, i, record))
				return;
	w->unsure = 1;
}

static inline __u64 lua_hash_on(struct scry_scratch *s, __u64 hash, __u32 from, __u32 size)
{
	return lua_hash_words(s, hash, from, size);
}

/* Everything that a first sight reads is read here too. */
static inline __u64 fake_lua_content(const struct lua_layout *l, struct scry_scratch *s, __u64 proto)
{
	struct lua_string source;
	__u64 hash = lua_glance(l, s, proto);
	__u32 to;

	if (!l->jit) {
		hash = lua_hash(s, hash, LUA_U64(s, l->proto_code), 4ULL * LUA_U32(s, l->proto_sizecode));
		hash = lua_hash(s, hash, LUA_U64(s, l->proto_k), 16ULL * LUA_U32(s, l->proto_sizek));
	}
	lua_string(l, LUA_U64(s, l->jit ? JIT_PROTO_CHUNK : l->proto_source), &source);
	hash = lua_hash(s, hash, source.address, source.length);
	to = lua_tell_head(l, s, proto);
	for (__u32 part = LUA_PART_code; part <= LUA_PART_abslineinfo; part++)
		to = lua_tell_part(l, s, part, to);
	for (__u32 part = LUA_PART_constants; part < LUA_PART_COUNT; part++)
		lua_tell_names(l, s, part, 0, to);
	return hash;
}

static inline __u32 lua_code(struct scry_scratch *s, void *known, __u32 kind, __u64 address)
{
	struct fake_known *k = known;
	__u64 content = kind == LUA_KIND_PROTO ? fake_lua_content(fake_lua_layout, s, address) : 0;

	for (__u32 i = 0; i < k->count; i++)
		if (k->code[i].kind == kind && k->code[i].address == address && k->code[i].content == content)
			return i + 1;
	if (k->count == FAKE_LUA_CODES) {
		s->walk.error = SCRY_WALK_CODES_FULL;
		return 0;
	}
	k->code[k->count].kind = kind;
	k->code[k->count].address = address;
	k->code[k->count].content = content;
	return ++k->count;
}

/* ---- the process ---- */

struct fake_lua {
	struct image image;
	struct lua_layout l;
	struct walk_memory memory;
	struct fake_known known;
	struct lua_seat seat;
	struct lua_marks marks;
	struct scry_scratch *s; /* after a walk */
	__u64 global, main;
	__u64 saved[LUA_SAVED];
};

/* A state as it is being filled. */
struct fake_state {
	__u64 at, stack, calls, top;
	__u32 depth;
	__u64 record;
};

static inline void fake_lua_word(struct fake_lua *f, __u64 offset, __u64 value)
{
	image_u64(&f->image, FAKE_LUA_STACK + offset, value);
}

/* `status`: those bits of ci->callstatus. */
static inline void fake_lua_status(struct fake_lua *f, __u64 ci, __u32 status)
{
	if (f->l.status_bytes)
		image_put(&f->image, ci + f->l.ci_callstatus, &status, f->l.status_bytes);
}

static inline struct fake_state fake_lua_state(struct fake_lua *f, bool main)
{
	struct fake_state state = { .at = main && f->main ? f->main : image_take(&f->image, 256, false) };
	const struct lua_layout *l = &f->l;
	__u64 base;

	state.stack = image_take(&f->image, 16 * FAKE_LUA_SLOTS, false);
	state.calls = image_take(&f->image, (__u64)l->ci_size * FAKE_LUA_CALLS, false);
	state.top = state.stack + 16;
	image_put(&f->image, state.at + l->state_tag, &(__u8){ l->thread_tag }, 1);
	image_u64(&f->image, state.at + l->state_global, f->global);
	image_u64(&f->image, state.at + l->state_stack, state.stack);
	image_u64(&f->image, state.at + l->state_stack_last, state.stack + 16 * (FAKE_LUA_SLOTS - 5));
	image_u64(&f->image, state.at + LUA_STATE_TOP, state.top);
	if (l->state_allowhook)
		image_put(&f->image, state.at + l->state_allowhook, &(__u8){ 1 }, 1);
	base = l->base_ci_points ? state.calls : state.at + l->state_base_ci;
	if (l->base_ci_points)
		image_u64(&f->image, state.at + l->state_base_ci, base);
	image_u64(&f->image, state.at + l->state_ci, base);
	return state;
}

static inline void fake_lua_init(struct fake_lua *f, unsigned release)
{
	*f = (struct fake_lua){ .l = lua_row(release)->layout };
	lua_layout_spans(&f->l);
	f->image.next = FAKE_LUA_HEAP;
	f->memory = (struct walk_memory){ .read = image_read, .ctx = &f->image };
	f->s = calloc(1, sizeof(*f->s));
	if (!f->s)
		abort();
	f->global = image_take(&f->image, 2048, false);
	f->main = f->l.main_inside ? f->global + f->l.global_mainthread : image_take(&f->image, 256, false);
	if (!f->l.main_inside)
		image_u64(&f->image, f->global + f->l.global_mainthread, f->main);
	for (__u64 at = 0; at < FAKE_LUA_ROOM; at += PAGE)
		image_page(&f->image, FAKE_LUA_STACK + at, true);
	fake_lua_word(f, FAKE_LUA_ROOM + 0x30, FAKE_LUA_GUARD); /* the thread's head is behind it */
}

static inline void fake_lua_deinit(struct fake_lua *f)
{
	image_deinit(&f->image);
	free(f->s);
}

static inline __u64 fake_lua_string(struct fake_lua *f, const char *text)
{
	__u64 string = image_take(&f->image, 48 + strlen(text), false);
	__u64 at = string + f->l.string_text;

	image_put(&f->image, string + LUA_STRING_TAG, &(__u8){ f->l.short_length ? 20 : 4 }, 1);
	image_u64(&f->image, string + 16, strlen(text));
	if (f->l.string_heap) {
		image_u64(&f->image, string + 24, string + 32);
		at = string + 32;
	}
	image_put(&f->image, at, text, strlen(text) + 1);
	return string;
}

/* A closure of a new function with 64 instructions. */
static inline __u64 fake_lua_function(struct fake_lua *f, const char *source, __u32 line)
{
	__u64 proto = image_take(&f->image, 160, false), closure = image_take(&f->image, 64, false);
	const struct lua_layout *l = &f->l;

	image_u64(&f->image, proto + l->proto_code, image_take(&f->image, 64 * 4, false));
	image_u32(&f->image, proto + l->proto_sizecode, 64);
	image_u32(&f->image, proto + l->proto_linedefined, line);
	image_u32(&f->image, proto + l->proto_lastlinedefined, line + 3);
	image_u64(&f->image, proto + l->proto_source, fake_lua_string(f, source));
	image_u64(&f->image, closure + l->closure_p, proto);
	return closure;
}

static inline __u64 fake_lua_proto(struct fake_lua *f, __u64 closure)
{
	__u64 proto = 0;

	image_read(&f->image, &proto, sizeof(proto), closure + f->l.closure_p);
	return proto;
}

static inline __u64 fake_lua_enter(struct fake_lua *f, struct fake_state *state, __u64 value, __u64 tag)
{
	__u64 ci = state->calls + (__u64)f->l.ci_size * ++state->depth, previous = 0;

	image_read(&f->image, &previous, 8, state->at + f->l.state_ci);
	image_u64(&f->image, state->top, value);
	image_u64(&f->image, state->top + 8, tag);
	image_u64(&f->image, ci + f->l.ci_func, state->top);
	if (f->l.ci_previous)
		image_u64(&f->image, ci + f->l.ci_previous, previous);
	image_u64(&f->image, state->at + f->l.state_ci, ci);
	state->top += 16 * 6;
	image_u64(&f->image, state->at + LUA_STATE_TOP, state->top);
	return ci;
}

/* A call of a Lua function, whose instruction `pc` runs. */
static inline void fake_lua_call(struct fake_lua *f, struct fake_state *state, __u64 closure, __u32 pc)
{
	__u64 ci = fake_lua_enter(f, state, closure, f->l.status_bytes ? LUA_TAG_LCLOSURE : LUA_TAG_FUNCTION), code = 0;

	image_read(&f->image, &code, 8, fake_lua_proto(f, closure) + f->l.proto_code);
	image_u64(&f->image, ci + f->l.ci_savedpc, code + 4 * (pc + 1));
	if (f->l.state_savedpc)
		image_u64(&f->image, state->at + f->l.state_savedpc, code + 4 * (pc + 1));
	fake_lua_status(f, ci, f->l.status_lua);
}

/* A call of a function in C. */
static inline void fake_lua_call_c(struct fake_lua *f, struct fake_state *state, __u64 function)
{
	__u64 value = function;

	if (!f->l.status_bytes) { /* 5.1 has closures only */
		value = image_take(&f->image, 64, false);
		image_put(&f->image, value + LUA_ISC, &(__u8){ 1 }, 1);
		image_u64(&f->image, value + f->l.closure_p, function);
	}
	fake_lua_status(f, fake_lua_enter(f, state, value, f->l.status_bytes ? LUA_TAG_CFUNCTION : LUA_TAG_FUNCTION), f->l.status_c);
}

/* A jmp_buf behind `record` as glibc makes it, of a function that goes on at `rip`. */
static inline void fake_lua_jump(struct fake_lua *f, __u64 record, __u64 rip)
{
	__u64 sp = (record - 32) ^ FAKE_LUA_GUARD;

	rip ^= FAKE_LUA_GUARD;
	image_u64(&f->image, record + LUA_RECORD_SP, sp << 17 | sp >> 47);
	image_u64(&f->image, record + LUA_RECORD_SP + 8, rip << 17 | rip >> 47);
}

/* A protected call of the state at this offset from the stack pointer. scrambled: with a jmp_buf as glibc makes it. */
static inline void fake_lua_protect(struct fake_lua *f, struct fake_state *state, __u64 offset, bool scrambled)
{
	__u64 record = FAKE_LUA_STACK + offset;

	image_u64(&f->image, record, state->record);
	if (scrambled)
		fake_lua_jump(f, record, FAKE_LUA_TEXT + 0x1234);
	image_u64(&f->image, record + 8, state->at); /* a saved register */
	image_u64(&f->image, state->at + f->l.state_errorJmp, record);
	state->record = record;
}

/* ---- the walk ---- */

static inline void fake_lua_walk(struct fake_lua *f)
{
	struct scry_scratch *s = f->s;
	struct lua_walk *w = LUA_WALK(s);
	const struct lua_layout *l = &f->l;
	__u32 rounds = LUA_SCAN_FAR / LUA_SCAN_BYTES, steps = 0;

	walk_memory = &f->memory;
	fake_lua_layout = l;
	s->walk = (struct scry_walk){ .thread = FAKE_LUA_STACK + FAKE_LUA_ROOM, .max_stack = SCRY_MAX_STACK };
	lua_begin(s, FAKE_LUA_STACK, 0);
	w->guard_at = s->walk.thread + 0x30;
	w->text = FAKE_LUA_TEXT;
	w->text_bytes = 1 << 20;
	memcpy(w->saved, f->saved, sizeof(w->saved));
	w->guard = f->marks.guard;
	lua_recall(l, s, &f->seat);
	lua_is_inner(l, s);
	for (__u32 i = 0; i < rounds && w->guard && !l->jit && !lua_records_on(s); i++)
		;
	if (!w->guard || l->jit || w->unsure) {
		w->at = w->from;
		for (__u32 i = 0; i < rounds && !(l->jit && w->guard ? jit_scan_on(l, s) : lua_scan_on(l, s)); i++)
			;
	}
	lua_found(l, s);
	if (!s->walk.error) {
		lua_learn_marks(l, w, &f->marks);
		lua_remember(w, &f->seat);
	}
	while (!s->walk.error && steps++ < WALK_MAX_STEPS && !lua_walk_on(l, s, &f->known))
		;
}

#endif
