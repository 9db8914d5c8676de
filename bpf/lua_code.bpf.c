// SPDX-License-Identifier: GPL-2.0-only
/* The ids of Lua's functions: what tells one from all others, and what user space is told of it at first sight. */
#include "calls.h"
#include "lua.h"
#include "task.h"

extern __u32 next_code;

static __always_inline __u64 lua_hash_on(struct scry_scratch *s, __u64 hash, __u32 from, __u32 size);

#include "../runtimes/lua/identity.h"

/* Where a part of a function's content lies. */
static __always_inline __u64 lua_part_place(const struct lua_layout *l, struct scry_scratch *s, __u32 what, __u64 proto, __u64 *bytes)
{
	struct lua_string source;
	__u64 at;

	if (what == LUA_PART_COUNT) {
		lua_string(l, LUA_U64(s, l->jit ? JIT_PROTO_CHUNK : l->proto_source), &source);
		*bytes = source.length;
		return source.address;
	}
	if (l->jit && what == LUA_PART_constants) {
		*bytes = 8ULL * LUA_U32(s, JIT_PROTO_SIZEKGC);
		return LUA_U64(s, JIT_PROTO_K) - *bytes;
	}
	if (l->jit) { /* not the bytecode, which the compiler changes */
		at = LUA_U64(s, JIT_PROTO_LINEINFO);
		*bytes = what == LUA_PART_lineinfo ? jit_rest(s, proto, at) : 0;
		return at;
	}
	if (what == LUA_PART_code) {
		*bytes = 4ULL * LUA_U32(s, l->proto_sizecode);
		return LUA_U64(s, l->proto_code);
	}
	if (what == LUA_PART_constants) {
		*bytes = 16ULL * LUA_U32(s, l->proto_sizek);
		return LUA_U64(s, l->proto_k);
	}
	*bytes = (__u64)LUA_U32(s, l->proto_sizelineinfo) * lua_element_bytes(l, what);
	return LUA_U64(s, l->proto_lineinfo);
}

/* Some of the words in s->window, of `size` bytes, from byte `from` on. */
__noinline __u64 lua_hash_some(__u32 slot, __u32 from, __u32 size, __u64 hash)
{
	struct scry_scratch *s = scratch_at(slot);

	return s ? lua_hash_words(s, hash, from, size) : 0;
}

static __always_inline __u64 lua_hash_on(struct scry_scratch *s, __u64 hash, __u32 from, __u32 size)
{
	return lua_hash_some(s->slot, from, size, hash);
}

/* One part of a function's content; `what`: its number, LUA_PART_COUNT: its source's name. */
__noinline __u64 lua_hash_part(__u32 index, __u32 slot, __u32 what, __u64 proto, __u64 hash)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);
	__u64 at, bytes = 0;

	if (!lua || !s)
		return hash;
	at = lua_part_place(&lua->layout, s, what, proto, &bytes);
	return lua_hash(s, hash, at, bytes);
}

/* The Proto in s->raw as 64 bits that tell it from all others. */
static __always_inline __u64 lua_content(struct scry_scratch *s, const struct lua_layout *l, __u64 proto)
{
	__u64 hash = l->jit ? LUA_U64(s, JIT_PROTO_LINE) :
			      (__u64)LUA_U32(s, l->proto_linedefined) << 32 | LUA_U32(s, l->proto_lastlinedefined);
	__u32 index = s->walk.binary, slot = s->slot;

	hash = lua_hash_part(index, slot, LUA_PART_code, proto, hash);
	hash = lua_hash_part(index, slot, LUA_PART_lineinfo, proto, hash);
	hash = lua_hash_part(index, slot, LUA_PART_constants, proto, hash);
	return lua_hash_part(index, slot, LUA_PART_COUNT, proto, hash);
}

/* A trace, in s->raw, by itself and by the function that it begins in, which is put into s->raw. */
static __always_inline __u64 jit_trace_content(struct scry_scratch *s, const struct lua_layout *l, __u64 trace)
{
	__u64 start = LUA_U64(s, JIT_TRACE_STARTPT), pc = LUA_U64(s, JIT_TRACE_STARTPC), hash = lua_mix_two(trace, pc);

	LUA_WALK(s)->dx = start; /* for the first sight */
	LUA_WALK(s)->bx = pc;
	walk_read(s->raw, JIT_PROTO_BYTES, start);
	return lua_mix(hash, lua_glance(l, s, start));
}

/* Where the trace begins: source, function and line. s->raw holds the GCproto. */
__noinline int jit_tell_trace(__u32 index, __u32 slot)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);
	__u64 lines, pc;
	__u32 to, line = 0, width;

	if (!lua || !s)
		return 0;
	to = lua_tell_head(&lua->layout, s, LUA_WALK(s)->dx);
	LUA_SEEN(s)->kind = LUA_KIND_TRACE;
	lines = LUA_U64(s, JIT_PROTO_LINEINFO);
	width = LUA_U32(s, JIT_PROTO_LINES) < 256 ? 1 : LUA_U32(s, JIT_PROTO_LINES) < 65536 ? 2 : 4;
	pc = (LUA_WALK(s)->bx - LUA_WALK(s)->dx - JIT_PROTO_BYTES) / 4;
	if (lines && pc && pc < LUA_U32(s, JIT_PROTO_SIZEBC))
		walk_read(&line, width, lines + width * (pc - 1));
	LUA_SEEN(s)->last_line = LUA_SEEN(s)->first_line + line;
	return to;
}

/* Bounds of the names that a record carries. */
#define MAX_CONSTANTS 128
#define MAX_UPVALUES  32
#define MAX_LOCALS    64

__noinline int lua_tell_some(__u32 index, __u32 slot, __u32 part, __u32 i, __u32 to)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	if (lua && s)
		lua_tell_names(&lua->layout, s, part, i, to);
	return 0;
}

/* Names of a part, at most `most`. How many bytes of text there are then. */
__noinline int lua_tell_all(__u32 slot, __u32 part, __u32 most, __u32 to)
{
	struct scry_scratch *s = scratch_at(slot);
	struct lua_part_seen *seen;
	__u32 count;

	if (!s)
		return to;
	seen = &LUA_SEEN(s)->part[part & 7];
	count = seen->count < most ? seen->count : most;
	seen->bytes = count * LUA_NAME;
	for (__u32 i = 0; i < MAX_CONSTANTS; i += LUA_NAMES_AT_ONCE) {
		if (i >= count)
			break;
		lua_tell_some(s->walk.binary, slot, part, i, to + i * LUA_NAME);
	}
	return to + count * LUA_NAME;
}

/* Head and parts of the Proto in s->raw. How many bytes. */
__noinline int lua_tell_start(__u32 index, __u32 slot, __u64 proto)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	return lua && s ? lua_tell_head(&lua->layout, s, proto) : 0;
}

__noinline int lua_tell_copy(__u32 index, __u32 slot, __u32 part, __u32 to)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);

	return lua && s ? lua_tell_part(&lua->layout, s, part, to) : 0;
}

/* Fill s->text from what is at hand. How many bytes. */
static __always_inline __u32 lua_tell(struct scry_scratch *s, __u32 kind, __u64 address)
{
	__u32 index = s->walk.binary, slot = s->slot, to;

	__builtin_memset(&s->code, 0, sizeof(s->code));
	if (kind == LUA_KIND_TRACE)
		return jit_tell_trace(index, slot);
	if (kind != LUA_KIND_PROTO) {
		__builtin_memset(LUA_SEEN(s), 0, sizeof(struct lua_seen));
		LUA_SEEN(s)->kind = kind;
		return sizeof(struct lua_seen);
	}
	to = lua_tell_start(index, slot, address);
	to = lua_tell_copy(index, slot, LUA_PART_code, to);
	to = lua_tell_copy(index, slot, LUA_PART_lineinfo, to);
	to = lua_tell_copy(index, slot, LUA_PART_abslineinfo, to);
	to = lua_tell_all(slot, LUA_PART_constants, MAX_CONSTANTS, to);
	to = lua_tell_all(slot, LUA_PART_upvalues, MAX_UPVALUES, to);
	return lua_tell_all(slot, LUA_PART_locals, MAX_LOCALS, to);
}

/* The id, or a negative enum scry_walk_error. */
static __always_inline int lua_first_sight(struct scry_scratch *s, __u32 kind, __u64 address, __u64 content)
{
	struct scry_code_key key = { .address = content };
	struct scry_code_known *known, new = {};
	__u8 none = SCRY_VERDICT_NONE;
	__u32 bytes, index;

	key.instance = s->walk.instance;
	bytes = lua_tell(s, kind, address);
	new.id = __sync_fetch_and_add(&next_code, 1) + 1;
	if (new.id >= SCRY_CODE_IDS)
		return -SCRY_WALK_CODES_FULL;
	index = new.id & (MAX_VERDICTS - 1);
	bpf_map_update_elem(&verdicts, &index, &none, BPF_ANY);
	s->code.head.kind = SCRY_RECORD_CODE;
	s->code.head.pid = s->walk.pid;
	s->code.head.time = bpf_ktime_get_ns();
	s->code.id = new.id;
	s->code.instance = key.instance;
	s->code.binary = s->walk.binary;
	s->code.address = address;
	if (bytes > sizeof(s->text) || emit(&s->code, sizeof(s->code) + bytes)) {
		count(SCRY_COUNT_LOST_CODES);
		return -SCRY_WALK_CODE_LOST;
	}
	count(SCRY_COUNT_CODES);
	if (bpf_map_update_elem(&codes, &key, &new, BPF_NOEXIST)) {
		known = bpf_map_lookup_elem(&codes, &key);
		return known ? (int)known->id : -SCRY_WALK_CODES_FULL;
	}
	return new.id;
}

/* The function's id by its content, that of its first sight where it has none. */
__noinline int lua_find(__u32 index, __u32 slot, __u32 kind, __u64 address)
{
	const struct scry_lua *lua = lua_binary(index);
	struct scry_scratch *s = scratch_at(slot);
	struct scry_code_key key = {};
	struct scry_code_known *known;

	if (!lua || !s)
		return -SCRY_WALK_PENDING;
	key.instance = s->walk.instance;
	key.address = kind == LUA_KIND_PROTO ? lua_content(s, &lua->layout, address) :
		      kind == LUA_KIND_TRACE ? jit_trace_content(s, &lua->layout, address) : lua_mix_two(address, kind);
	known = bpf_map_lookup_elem(&codes, &key);
	return known ? (int)known->id : lua_first_sight(s, kind, address, key.address);
}
