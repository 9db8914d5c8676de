/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that stand for functions as long as the process makes no new ones. */
#ifndef SCRY_LUA_GLANCE_H
#define SCRY_LUA_GLANCE_H

#include "raw.h"

lua_inline __u64 lua_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

/* Two numbers that may be alike, as addresses are: one is mixed before the other comes. */
lua_inline __u64 lua_mix_two(__u64 a, __u64 b)
{
	return lua_mix(lua_mix(0x243f6a8885a308d3ULL, a), b);
}

/* What a look at the Proto in s->raw tells: enough as long as the process makes no new functions. */
lua_inline __u64 lua_glance(const struct lua_layout *l, struct scry_scratch *s, __u64 address)
{
	__u64 hash = lua_mix_two(address, LUA_U64(s, l->proto_code));

	if (l->jit) {
		hash = lua_mix_two(address, LUA_U64(s, JIT_PROTO_CHUNK));
		hash = lua_mix(hash, LUA_U64(s, JIT_PROTO_LINE)); /* and the number of lines */
		return lua_mix(hash, (__u64)LUA_U32(s, JIT_PROTO_SIZEBC) << 32 | LUA_U32(s, JIT_PROTO_SIZEPT));
	}
	hash = lua_mix(hash, LUA_U64(s, l->proto_source));
	hash = lua_mix(hash, LUA_U64(s, l->proto_k));
	hash = lua_mix(hash, (__u64)LUA_U32(s, l->proto_sizecode) << 32 | LUA_U32(s, l->proto_linedefined));
	return lua_mix(hash, (__u64)LUA_U32(s, l->proto_sizek) << 32 | LUA_U32(s, l->proto_lastlinedefined));
}

#endif
