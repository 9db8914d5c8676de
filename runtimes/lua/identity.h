/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which function a Proto is, and what is told of it at first sight. A Proto has no name and no serial number, and no place of its own
 * for long: the collector frees it, and another takes its address, its parts' addresses too where they are as large. So what
 * tells functions apart is their content: 64 bits made of the source's name, the line, the instructions, the lines and the constants.
 * Two that agree in all this have the same names and lines.
 */
#ifndef SCRY_LUA_IDENTITY_H
#define SCRY_LUA_IDENTITY_H

#include "glance.h"

#define LUA_TAG_STRING 4
#define LUA_HASHED_BYTES 2048 /* of each part */
#define LUA_PART_BYTES	 8192 /* of each part that a record has room for */
#define LUA_HASHED_AT_ONCE 32 /* words */
#define LUA_NAMES_AT_ONCE 2

/* Mix words of s->window into the hash: up to LUA_HASHED_AT_ONCE, from byte `from` on, of `size` bytes in it. */
lua_inline __u64 lua_hash_words(struct scry_scratch *s, __u64 hash, __u32 from, __u32 size)
{
	for (int i = 0; i < LUA_HASHED_AT_ONCE; i++, from += 8) {
		if (from >= size)
			break;
		hash = lua_mix(hash, *(__u64 *)(s->window + (from & (WINDOW_BYTES - 8))));
	}
	return hash;
}

/* Mix bytes of the target into the hash; s->window is used. lua_hash_on(): lua_hash_words(), looked at by the verifier only once. */
lua_inline __u64 lua_hash(struct scry_scratch *s, __u64 hash, __u64 address, __u64 bytes)
{
	__u32 size = bytes < LUA_HASHED_BYTES ? bytes : LUA_HASHED_BYTES;

	hash = lua_mix(hash, bytes);
	if (!size)
		return hash;
	lua_window_forget(s);
	*(__u64 *)(s->window + ((size - 1) & (WINDOW_BYTES - 8))) = 0; /* the last word may be one in part */
	if (walk_read(s->window, size, address))
		return lua_mix(hash, 1);
	for (__u32 from = 0; from < LUA_HASHED_BYTES; from += 8 * LUA_HASHED_AT_ONCE) {
		if (from >= size)
			break;
		hash = lua_hash_on(s, hash, from, size);
	}
	return hash;
}

struct lua_string {
	__u64 address; /* of the text */
	__u32 length;
};

/* A TString: lobject.h. */
lua_inline void lua_string(const struct lua_layout *l, __u64 object, struct lua_string *ret)
{
	__u64 head[4];
	__u8 *bytes = (__u8 *)head;

	ret->address = ret->length = 0;
	if (!object || walk_read(head, sizeof(head), object))
		return;
	ret->address = object + l->string_text;
	if (l->jit) {
		ret->length = head[2] >> 32;
		return;
	}
	if (l->short_length && bytes[LUA_STRING_TAG] == LUA_TAG_STRING) {
		ret->length = bytes[11]; /* of short_length: the same in all versions that have it */
		return;
	}
	if (l->string_heap)
		ret->address = head[3];
	ret->length = head[2] < 1U << 30 ? head[2] : 0;
}

/* ---- first sight ---- */

/* Append `bytes` of the target to the texts, of which there are `to`. How many it was: all or none. */
lua_inline __u32 lua_copy(struct scry_scratch *s, __u64 address, __u64 bytes, __u32 to)
{
	__u32 size = bytes < LUA_PART_BYTES ? bytes : LUA_PART_BYTES;

	if (!size || !address || to > sizeof(s->text) - LUA_PART_BYTES || walk_read(s->text + to, size, address))
		return 0;
	return size;
}

#define LUA_SEEN(s) ((struct lua_seen *)(s)->text)

/* Bytes from an address in the block of a GCproto, which s->raw holds, to its end. */
lua_inline __u32 jit_rest(struct scry_scratch *s, __u64 proto, __u64 address)
{
	__u32 size = LUA_U32(s, JIT_PROTO_SIZEPT);

	return address > proto && address - proto < size ? size - (__u32)(address - proto) : 0;
}

/* Every part begins at a multiple of 8. */
lua_inline __u32 lua_round(__u32 to)
{
	return (to + 7) & ~7U;
}

/* The same of a GCproto: what lua_tell_head() does. */
lua_inline void jit_see(struct scry_scratch *s, __u64 proto)
{
	struct lua_seen *seen = LUA_SEEN(s);
	__u64 lines = LUA_U64(s, JIT_PROTO_LINEINFO), names = LUA_U64(s, JIT_PROTO_UVINFO);

	s->code.first_line = seen->first_line = LUA_U32(s, JIT_PROTO_LINE);
	seen->last_line = LUA_U32(s, JIT_PROTO_LINES); /* how many, which tells the width of their differences */
	seen->upvalues = LUA_U8(s, JIT_PROTO_SIZEUV);
	seen->part[LUA_PART_code].address = proto + JIT_PROTO_BYTES;
	seen->part[LUA_PART_code].count = LUA_U32(s, JIT_PROTO_SIZEBC);
	seen->part[LUA_PART_lineinfo].address = lines;
	seen->part[LUA_PART_lineinfo].count = names > lines ? (__u32)(names - lines) : jit_rest(s, proto, lines);
	seen->part[LUA_PART_abslineinfo].address = names;
	seen->part[LUA_PART_abslineinfo].count = jit_rest(s, proto, names);
	seen->part[LUA_PART_constants].address = LUA_U64(s, JIT_PROTO_K);
	seen->part[LUA_PART_constants].count = LUA_U32(s, JIT_PROTO_SIZEKGC);
}

/* Head and source of the Proto in s->raw. How many bytes of text there are. */
lua_inline __u32 lua_tell_head(const struct lua_layout *l, struct scry_scratch *s, __u64 proto)
{
	struct lua_seen *seen = LUA_SEEN(s);
	struct scry_code *code = &s->code;
	struct lua_string source;
	__u32 to = sizeof(*seen);

	__builtin_memset(seen, 0, sizeof(*seen));
	seen->kind = LUA_KIND_PROTO;
	if (l->jit) {
		jit_see(s, proto);
		goto source;
	}
	code->first_line = seen->first_line = LUA_U32(s, l->proto_linedefined);
	seen->last_line = LUA_U32(s, l->proto_lastlinedefined);
#define SEE(name, where, size)                                         \
	seen->part[LUA_PART_##name].address = LUA_U64(s, where);       \
	seen->part[LUA_PART_##name].count = LUA_U32(s, size)
	SEE(code, l->proto_code, l->proto_sizecode);
	SEE(lineinfo, l->proto_lineinfo, l->proto_sizelineinfo);
	if (l->line_deltas) {
		SEE(abslineinfo, l->proto_abslineinfo, l->proto_sizeabslineinfo);
	}
	SEE(constants, l->proto_k, l->proto_sizek);
	SEE(upvalues, l->proto_upvalues, l->proto_sizeupvalues);
	SEE(locals, l->proto_locvars, l->proto_sizelocvars);
#undef SEE
source:
	lua_string(l, LUA_U64(s, l->jit ? JIT_PROTO_CHUNK : l->proto_source), &source);
	code->name.kind = code->file.kind = code->lines.kind = 1;
	code->name.chars = code->name.bytes = sizeof(*seen);
	code->file.address = source.address;
	code->file.chars = source.length;
	code->file.bytes = lua_copy(s, source.address, source.length < SCRY_FILE_BYTES ? source.length : SCRY_FILE_BYTES, to);
	return lua_round(to + code->file.bytes);
}

lua_inline __u32 lua_element_bytes(const struct lua_layout *l, __u32 part)
{
	if (l->jit && part != LUA_PART_code)
		return 1;
	return part == LUA_PART_code ? 4 : part == LUA_PART_abslineinfo ? 8 : l->line_deltas ? 1 : 4;
}

/* A part that is copied as it is. How many bytes of text there are then. */
lua_inline __u32 lua_tell_part(const struct lua_layout *l, struct scry_scratch *s, __u32 part, __u32 to)
{
	struct lua_part_seen *seen = &LUA_SEEN(s)->part[part & 7];
	__u64 bytes = (__u64)seen->count * lua_element_bytes(l, part);

	seen->bytes = lua_copy(s, seen->address, bytes, to);
	return lua_round(to + seen->bytes);
}

/* Name `i` of a part, into a slot that is zero. */
lua_inline void lua_tell_name(const struct lua_layout *l, struct scry_scratch *s, __u32 part, __u64 address, __u32 i, __u32 to)
{
	__u32 stride = part == LUA_PART_upvalues ? l->upvalue_stride : 16, at = part == LUA_PART_locals ? 8 : 0;
	__u64 element[2] = {};
	struct lua_string string;

	__u8 type = 0;

	if (l->jit) /* they go downwards */
		address -= 8 * (__u64)(i + 1);
	else
		address += stride * i;
	if (to > sizeof(s->text) - LUA_NAME || walk_read(element, stride > 8 && !l->jit ? 16 : 8, address))
		return;
	if (l->jit)
		walk_read(&type, 1, element[0] + JIT_TYPE);
	else if (part == LUA_PART_constants)
		type = element[1] & 15;
	else
		type = LUA_TAG_STRING;
	if (type != LUA_TAG_STRING)
		return;
	if (at)
		*(__u64 *)(s->text + to) = element[1];
	lua_string(l, element[0], &string);
	if (!string.address)
		return;
	string.length++; /* its NUL */
	if (string.length > LUA_NAME - at)
		string.length = LUA_NAME - at;
	walk_read(s->text + to + at, string.length, string.address);
}

/* The next names of a part, from `i` on. */
lua_inline void lua_tell_names(const struct lua_layout *l, struct scry_scratch *s, __u32 part, __u32 i, __u32 to)
{
	const struct lua_part_seen *seen = &LUA_SEEN(s)->part[part & 7];

	for (__u32 n = 0; n < LUA_NAMES_AT_ONCE; n++) {
		asm volatile("" : "+r"(to)); /* or the compiler checks one number and uses another */
		if (i + n >= seen->count || to > sizeof(s->text) - LUA_NAME)
			return;
		__builtin_memset(s->text + to, 0, LUA_NAME);
		lua_tell_name(l, s, part, seen->address, i + n, to);
		to += LUA_NAME;
	}
}

#endif
