/* SPDX-License-Identifier: GPL-2.0-only */
/* What the cookie of a place in luaV_execute tells, below its site: where the lua_State is there, or the CallInfo. */
#ifndef SCRY_LUA_COOKIE_H
#define SCRY_LUA_COOKIE_H

#define LUA_COOKIE_REGISTER(number) ((__u64)(number) + 1)	/* a register by its number in the encoding; */
#define LUA_COOKIE_MEMORY	    (1ULL << 8)			/* it is in memory, the register points near it */
#define LUA_COOKIE_POINTER	    (1ULL << 9)			/* what luaD_precall() gives is a CallInfo (5.4, 5.5) */
#define LUA_COOKIE_FRAME	    (1ULL << 10)		/* it is a CallInfo, that of the function that returns */
#define LUA_COOKIE_MADE	    (1ULL << 11)		/* of a tail call: there is nothing to be looked at, the frame is made */
#define LUA_COOKIE_DISPLACEMENT(n)  ((__u64)(__u32)(n) << 16)	/* so many bytes from there */

#define LUA_COOKIE_WHICH(cookie) ((__u32)(cookie) & 0x1f)	/* register + 1 */
#define LUA_COOKIE_BYTES(cookie) ((__s32)((cookie) >> 16))

#endif
