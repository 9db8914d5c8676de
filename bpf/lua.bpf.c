// SPDX-License-Identifier: GPL-2.0-only
/* The walk of Lua's stack in the current task, with the look-up of functions. */
#include "lua.h"
#include "calls.h"
#include "python.h"
#include "task.h"

#include "../runtimes/lua/state.h"

/* Registers as struct pt_regs has them (arch/ARCH/include/asm/ptrace.h): how many, where the stack pointer is, and the first of those
 * that functions preserve. */
#if defined(__TARGET_ARCH_x86)
#define REGISTERS 20 /* r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di, then orig_ax ip cs flags sp */
#define GENERAL	  15
#define REGISTER_SP 19
#define FIRST_SAVED 0
#elif defined(__TARGET_ARCH_arm64)
#define REGISTERS 32 /* x0 to x30, sp */
#define GENERAL	  31
#define REGISTER_SP 31
#define FIRST_SAVED 19
#endif

static __always_inline void lua_look(const struct lua_layout *l, struct scry_scratch *s, __u64 value);
static __always_inline __u32 lua_code(struct scry_scratch *s, void *cache, __u32 kind, __u64 address);
static __always_inline void lua_find_owner(struct scry_scratch *s, __u64 record);
static __always_inline void jit_unfold_on(struct scry_scratch *s, __u64 frame);
static __always_inline bool jit_entry_on(struct scry_scratch *s, __u32 i);
static __always_inline bool jit_inlined_on(struct scry_scratch *s);

/* ---- what instructions tell of frames, in the cache of functions' ids, among which they cannot be mistaken ---- */

static __always_inline struct scry_code_slot *lua_slot(void *cache, __u64 key)
{
	return &((struct scry_code_cache *)cache)->slot[(key >> 20) & (CODE_SLOTS - 1)];
}

/* The place of an instruction: as long as there are no new functions, or in one walk. */
static __always_inline __u64 lua_place_key(const struct lua_walk *w, __u64 pc)
{
	__u64 key = (pc ^ (w->watched ? 0x452821e638d01377ULL : 0xbe5466cf34e90c6cULL)) * 0x9e3779b97f4a7c15ULL;

	return key ^ key >> 32;
}

static __always_inline bool lua_place_known(struct scry_scratch *s, void *cache, __u64 pc, struct lua_place *ret)
{
	const struct lua_walk *w = (const struct lua_walk *)s->own;
	__u64 key = lua_place_key(w, pc);
	const struct scry_code_slot *slot = lua_slot(cache, key);

	if (slot->address != key || slot->instance != s->walk.instance ||
	    slot->generation != (w->watched ? s->walk.generation : w->serial))
		return false;
	ret->id = slot->known.id;
	ret->at = slot->known.first;
	ret->slots = slot->known.generator;
	return true;
}

static __always_inline void lua_place_keep(struct scry_scratch *s, void *cache, __u64 pc, const struct lua_place *place)
{
	const struct lua_walk *w = (const struct lua_walk *)s->own;
	__u64 key = lua_place_key(w, pc);
	struct scry_code_slot *slot = lua_slot(cache, key);

	slot->address = key;
	slot->instance = s->walk.instance;
	slot->generation = w->watched ? s->walk.generation : w->serial;
	slot->known.id = place->id;
	slot->known.first = place->at;
	slot->known.generator = place->slots;
}

#include "../runtimes/lua/walk.h"
#include "../runtimes/lua/glance.h"

__noinline int lua_look_at(__u32 index, __u32 slot, __u64 value)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	if (lua && s)
		lua_consider(&lua->layout, s, value);
	return 0;
}

static __always_inline void lua_look(const struct lua_layout *l, struct scry_scratch *s, __u64 value)
{
	lua_look_at(s->walk.binary, s->slot, value);
}

__noinline int lua_owner_near(__u32 index, __u32 slot, __u64 record)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	return lua && s && lua_owner_look(&lua->layout, s, record);
}

__noinline int lua_is_owner(__u32 slot, __u32 i, __u64 record)
{
	struct scry_scratch *s = scratch_at(slot);

	return s && i < LUA_WALK(s)->live_count && lua_owner_is(s, i, record);
}

__noinline int lua_owner_at(__u32 index, __u32 slot, __u64 record)
{
	struct scry_scratch *s = scratch_at(slot);

	if (!s || lua_is_known_record(LUA_WALK(s), record))
		return 0;
	if (lua_owner_near(index, slot, record))
		for (__u32 i = 0; i < LUA_MAX_LIVE; i++)
			if (lua_is_owner(slot, i, record))
				return 0;
	LUA_WALK(s)->unsure = 1;
	return 0;
}

static __always_inline void lua_find_owner(struct scry_scratch *s, __u64 record)
{
	lua_owner_at(s->walk.binary, s->slot, record);
}

__noinline int jit_entry_at(__u32 slot, __u32 i)
{
	struct scry_scratch *s = scratch_at(slot);

	return s && jit_entry(s, i);
}

static __always_inline bool jit_entry_on(struct scry_scratch *s, __u32 i)
{
	return jit_entry_at(s->slot, i);
}

__noinline int jit_inlined_at(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);

	return s && jit_inlined(s);
}

static __always_inline bool jit_inlined_on(struct scry_scratch *s)
{
	return jit_inlined_at(s->slot);
}

__noinline int jit_unfold_at(__u32 slot, __u64 frame)
{
	struct scry_scratch *s = scratch_at(slot);

	if (s)
		jit_unfold(s, frame);
	return 0;
}

static __always_inline void jit_unfold_on(struct scry_scratch *s, __u64 frame)
{
	jit_unfold_at(s->slot, frame);
}

/* ---- the ids of functions ---- */

/* The id by the cache, where `known` says that it may be. `glance`: what a look at the function tells. 0: s->walk.error is set. */
static __always_inline __u32 lua_code_by(struct scry_scratch *s, void *cache, __u32 kind, __u64 address, __u64 glance, bool known)
{
	struct scry_code_slot *slot = lua_slot(cache, glance);
	int id;

	if (known && slot->address == glance && slot->instance == s->walk.instance && slot->generation == s->walk.generation)
		return slot->known.id;
	id = lua_find(s->walk.binary, s->slot, kind, address);
	if (id <= 0) {
		s->walk.error = -id;
		return 0;
	}
	slot->address = glance;
	slot->instance = s->walk.instance;
	slot->generation = s->walk.generation;
	slot->known.id = id;
	slot->known.first = 0;
	return id;
}

/* Of what is no Proto. */
__noinline __u32 lua_code_bare(__u32 slot, __u32 kind, __u64 address)
{
	void *cache = bpf_map_lookup_elem(&code_cache, &slot);
	struct scry_scratch *s = scratch_at(slot);

	return s && cache ? lua_code_by(s, cache, kind, address, lua_mix_two(address, kind), kind != LUA_KIND_TRACE) : 0;
}

static __always_inline __u32 lua_code(struct scry_scratch *s, void *cache, __u32 kind, __u64 address)
{
	const struct scry_lua *lua;

	if (kind != LUA_KIND_PROTO)
		return lua_code_bare(s->slot, kind, address);
	lua = lua_binary(s->walk.binary);
	if (!lua)
		return 0;
	return lua_code_by(s, cache, kind, address, lua_glance(&lua->layout, s, address), lua->watches_load);
}

/* The binary's index is that of the process that is prepared. */
__noinline int lua_proto_id(__u32 index, __u32 slot, __u64 proto)
{
	const struct scry_lua *lua = lua_binary(index);
	void *cache = bpf_map_lookup_elem(&code_cache, &slot);
	struct scry_scratch *s = scratch_at(slot);
	__u32 id;

	if (!lua || !s || !cache || walk_read(s->raw, lua->layout.proto_bytes & 255, proto))
		return -SCRY_WALK_CODE_FAULT;
	id = lua_code(s, cache, LUA_KIND_PROTO, proto);
	return id ? (int)id : -(int)s->walk.error;
}

/* ---- the search for the lua_State ---- */

/* Begin with the registers. */
__noinline int lua_registers(__u32 index, __u32 slot)
{
	const void *regs = (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);
	__u64 *held;

	if (!lua || !s || bpf_probe_read_kernel(s->window, REGISTERS * 8, regs))
		return 1;
	held = (__u64 *)s->window;
	lua_begin(s, held[REGISTER_SP], bpf_get_current_task_btf()->mm->start_stack);
	LUA_WALK(s)->watched = lua->watches_load;
	LUA_WALK(s)->text = s->walk.bias + lua->text;
	LUA_WALK(s)->text_bytes = lua->text_bytes;
	for (int i = 0; i < LUA_SAVED; i++)
		LUA_WALK(s)->saved[i] = held[FIRST_SAVED + i];
#if defined(__TARGET_ARCH_x86)
	LUA_WALK(s)->ip = held[16];
	LUA_WALK(s)->bx = held[5];
	LUA_WALK(s)->dx = held[12];
	LUA_WALK(s)->guard_at = s->walk.thread + 0x30; /* fs:0x30 */
#endif
	return 0;
}

__noinline int lua_scan_registers(__u32 index, __u32 slot)
{
	const void *regs = (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	/* LuaJIT's frames are on the stack, where they are known. */
	if (!lua || !s || (lua->layout.jit && LUA_WALK(s)->guard) || bpf_probe_read_kernel(s->window, REGISTERS * 8, regs))
		return 1;
	lua_window_forget(s);
	for (int i = 0; i < GENERAL; i++) {
		__u64 value = ((__u64 *)s->window)[i];

		if (lua_may_be_state(LUA_WALK(s), value))
			lua_look(&lua->layout, s, value);
	}
	return 0;
}

__noinline int lua_scan_chunk(__u32 index, __u32 slot)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	return !lua || !s || lua_scan_on(&lua->layout, s);
}

__noinline int jit_scan_chunk(__u32 index, __u32 slot)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	return !lua || !s || jit_scan_on(&lua->layout, s);
}

__noinline int lua_scan_stack(__u32 index, __u32 slot)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	for (int i = 0; lua && s && i < LUA_SCAN_FAR / LUA_SCAN_BYTES; i++)
		if (lua->layout.jit && LUA_WALK(s)->guard ? jit_scan_chunk(index, slot) : lua_scan_chunk(index, slot))
			break;
	return 0;
}

__noinline int lua_records_chunk(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);

	return !s || lua_records_on(s);
}

/* 0: all that there is has been found. */
__noinline int lua_scan_records(__u32 index, __u32 slot)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	if (!lua || !s || !LUA_WALK(s)->guard || lua->layout.jit)
		return 1;
	for (int i = 0; i < LUA_SCAN_FAR / LUA_SCAN_BYTES; i++)
		if (lua_records_chunk(slot))
			break;
	LUA_WALK(s)->at = LUA_WALK(s)->from;
	return LUA_WALK(s)->unsure;
}

__noinline int lua_scan_end(__u32 index, __u32 slot)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	if (!lua || !s)
		return 1;
	lua_found(&lua->layout, s);
	return s->walk.error;
}

/* ---- what was found of the thread before ---- */

static __always_inline struct lua_seat *lua_seat(__u32 tid)
{
	__u32 index = tid & (LUA_SEATS - 1);

	return bpf_map_lookup_elem(&lua_seats, &index);
}

static __always_inline struct lua_marks *lua_marks_of(__u32 instance)
{
	__u32 index = instance & (LUA_SEATS - 1);

	return bpf_map_lookup_elem(&lua_marks, &index);
}

__noinline int lua_sit_down(__u32 index, __u32 slot, __u32 tid)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);
	struct lua_marks *marks = s ? lua_marks_of(s->walk.instance) : 0;
	struct lua_seat *seat = lua_seat(tid);

	if (!lua || !s || !seat || !marks)
		return 0;
	if (marks->instance == s->walk.instance)
		LUA_WALK(s)->guard = marks->guard;
	if (seat->tid != tid || seat->instance != s->walk.instance)
		return 0;
	lua_recall(&lua->layout, s, seat);
	return 0;
}

/* 1: the state that runs is known. */
__noinline int lua_is_seated(__u32 index, __u32 slot)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	return lua && s && lua_is_inner(&lua->layout, s);
}

__noinline int lua_stand_up(__u32 index, __u32 slot, __u32 tid)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);
	struct lua_marks *marks = s ? lua_marks_of(s->walk.instance) : 0;
	struct lua_seat *seat = lua_seat(tid);

	if (!lua || !s || !seat || !marks)
		return 0;
	if (marks->instance != s->walk.instance) {
		__builtin_memset(marks, 0, sizeof(*marks));
		marks->instance = s->walk.instance;
	}
	lua_learn_marks(&lua->layout, LUA_WALK(s), marks);
	seat->tid = tid;
	seat->instance = s->walk.instance;
	lua_remember(LUA_WALK(s), seat);
	return 0;
}

__noinline int lua_enter(__u32 pid, __u32 slot)
{
	struct scry_proc *proc = bpf_map_lookup_elem(&procs, &pid);
	struct scry_scratch *s = scratch_at(slot);
	__u32 index, tid = bpf_get_current_task_btf()->pid;
	int known;

	if (!proc || !s)
		return SCRY_WALK_PENDING;
	walk_prepare(s, proc, pid, slot);
	index = s->walk.binary;
	if (lua_registers(index, slot))
		return s->walk.error = SCRY_WALK_STATE_FAULT;
	lua_sit_down(index, slot, tid);
	known = lua_is_seated(index, slot);
	if (lua_scan_records(index, slot)) {
		if (!known)
			lua_scan_registers(index, slot);
		lua_scan_stack(index, slot);
	}
	if (!lua_scan_end(index, slot))
		lua_stand_up(index, slot, tid);
	return s->walk.error;
}

/* ---- the walk ---- */

__noinline int lua_walk_step(__u32 index, __u32 slot)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);
	void *known = bpf_map_lookup_elem(&code_cache, &slot);

	return !lua || !s || !known || lua_walk_on(&lua->layout, s, known);
}

#define CHUNKS 128

__noinline int lua_walk_far(__u32 index, __u32 slot)
{
	for (int i = 0; i < CHUNKS; i++)
		if (lua_walk_step(index, slot))
			return 1;
	return 0;
}

__noinline int lua_walk(__u32 pid, __u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);

	for (int i = 0; s && i <= WALK_MAX_STEPS / CHUNKS; i++)
		if (lua_walk_far(s->walk.binary, slot))
			return 0;
	if (s)
		s->walk.error = SCRY_WALK_TRUNCATED;
	return 0;
}
