// SPDX-License-Identifier: GPL-2.0-only
/*
 * The layouts of Lua 5.1 to 5.5 where pointers have 8 bytes, from lstate.h and lobject.h of each release. `layouts` prints a row
 * from a folder of Lua's sources; tests/unit/test_lua_layout.c compares.
 */
#include <string.h>

#include "lua.h"

/* What Proto is like in 5.2, in 5.3, and from 5.4 on. */
#define PROTO_52                                                                                               \
	.proto_k = 16, .proto_code = 24, .proto_lineinfo = 40, .proto_locvars = 48, .proto_upvalues = 56,      \
	.proto_source = 72, .proto_sizeupvalues = 80, .proto_sizek = 84, .proto_sizecode = 88,                 \
	.proto_sizelineinfo = 92, .proto_sizelocvars = 100, .proto_linedefined = 104, .proto_lastlinedefined = 108
#define PROTO_53                                                                                               \
	.proto_sizeupvalues = 16, .proto_sizek = 20, .proto_sizecode = 24, .proto_sizelineinfo = 28,           \
	.proto_sizelocvars = 36, .proto_linedefined = 40, .proto_lastlinedefined = 44, .proto_k = 48,          \
	.proto_code = 56, .proto_lineinfo = 72, .proto_locvars = 80, .proto_upvalues = 88, .proto_source = 104
#define PROTO_54                                                                                               \
	.proto_sizeupvalues = 16, .proto_sizek = 20, .proto_sizecode = 24, .proto_sizelineinfo = 28,           \
	.proto_sizelocvars = 36, .proto_sizeabslineinfo = 40, .proto_linedefined = 44,                         \
	.proto_lastlinedefined = 48, .proto_k = 56, .proto_code = 64, .proto_upvalues = 80,                    \
	.proto_lineinfo = 88, .proto_abslineinfo = 96, .proto_locvars = 104, .proto_source = 112, .line_deltas = 1

#define STATE_52 .state_global = 24, .state_ci = 32, .state_base_ci = 128, .state_stack = 56, .state_stack_last = 48, \
	.state_status = 10, .state_errorJmp = 112
#define STATE_53 .state_global = 24, .state_ci = 32, .state_base_ci = 96, .state_stack = 56, .state_stack_last = 48, \
	.state_errorJmp = 88
#define STATE_543 .state_global = 24, .state_ci = 32, .state_base_ci = 96, .state_stack = 48, .state_stack_last = 40, \
	.state_errorJmp = 88

#define STATUS_52 .status_bytes = 1, .status_reentry = 4, .status_lua = 1, .status_hooked = 2, .status_tail = 0x40
#define STATUS_53 .status_lua = 2, .status_hooked = 4, .status_tail = 0x20, .status_finalizer = 0x100
#define STATUS_540 .status_bytes = 2, .status_c = 2, .status_hooked = 4, .status_tail = 0x10, .status_finalizer = 0x40
#define STATUS_542 .status_bytes = 2, .status_c = 2, .status_fresh = 4, .status_hooked = 8, .status_tail = 0x20, .status_finalizer = 0x80

#define CI_54 .ci_previous = 16, .ci_savedpc = 32, .ci_size = 64, .closure_p = 24, .pc_in_register = 1, .upvalue_stride = 16, \
	.string_text = 24, .string_length = 16, .short_length = 11

/* From the release on that is named, up to the next row. */
static const struct lua_row rows[] = {
	{ LUA_RELEASE(5, 1, 0), "table row 5.1", {
		.state_status = 10, .state_global = 32, .state_ci = 40, .state_base_ci = 80, .state_stack = 64,
		.state_stack_last = 56, .state_errorJmp = 168, .state_savedpc = 48, .global_mainthread = 176,
		.state_allowhook = 101, .base_ci_points = 1, .ci_func = 8, .ci_savedpc = 24, .ci_tailcalls = 36, .ci_size = 40, .closure_p = 32,
		.pc_in_register = 1, .proto_k = 16, .proto_code = 24, .proto_lineinfo = 40, .proto_locvars = 48,
		.proto_upvalues = 56, .proto_source = 64, .proto_sizeupvalues = 72, .proto_sizek = 76,
		.proto_sizecode = 80, .proto_sizelineinfo = 84, .proto_sizelocvars = 92, .proto_linedefined = 96,
		.proto_lastlinedefined = 100, .upvalue_stride = 8, .string_text = 24, .string_length = 16 } },
	{ LUA_RELEASE(5, 2, 0), "table row 5.2.0", {
		STATE_52, STATUS_52, PROTO_52, .global_mainthread = 240, .ci_previous = 16, .ci_savedpc = 48,
		.ci_callstatus = 34, .ci_size = 80, .closure_p = 24, .upvalue_stride = 16, .string_text = 24,
		.string_length = 16 } },
	{ LUA_RELEASE(5, 2, 1), "table row 5.2.1", {
		STATE_52, STATUS_52, PROTO_52, .global_mainthread = 264, .ci_previous = 16, .ci_savedpc = 56,
		.ci_callstatus = 34, .ci_size = 80, .closure_p = 24, .upvalue_stride = 16, .string_text = 24,
		.string_length = 16 } },
	{ LUA_RELEASE(5, 3, 0), "table row 5.3.0", {
		STATE_53, STATUS_53, PROTO_53, .state_status = 10, .status_reentry = 8, .global_mainthread = 224, .ci_previous = 16,
		.ci_savedpc = 40, .ci_callstatus = 66, .status_bytes = 1, .ci_size = 72, .closure_p = 24,
		.upvalue_stride = 16, .string_text = 32, .string_length = 16 } },
	{ LUA_RELEASE(5, 3, 1), "table row 5.3.1", {
		STATE_53, STATUS_53, PROTO_53, .state_status = 10, .status_reentry = 8, .global_mainthread = 224, .ci_previous = 16,
		.ci_savedpc = 40, .ci_callstatus = 66, .status_bytes = 1, .ci_size = 72, .closure_p = 24,
		.upvalue_stride = 16, .string_text = 24, .string_length = 16, .short_length = 11 } },
	{ LUA_RELEASE(5, 3, 2), "table row 5.3.2", {
		STATE_53, STATUS_53, PROTO_53, .state_status = 12, .status_fresh = 8, .global_mainthread = 200, .ci_previous = 16,
		.ci_savedpc = 40, .ci_callstatus = 66, .status_bytes = 1, .ci_size = 72, .closure_p = 24,
		.upvalue_stride = 16, .string_text = 24, .string_length = 16, .short_length = 11 } },
	{ LUA_RELEASE(5, 3, 4), "table row 5.3.4", {
		STATE_53, STATUS_53, PROTO_53, .state_status = 12, .status_fresh = 8, .global_mainthread = 200, .ci_previous = 16,
		.ci_savedpc = 40, .ci_callstatus = 66, .status_bytes = 2, .ci_size = 72, .closure_p = 24,
		.upvalue_stride = 16, .string_text = 24, .string_length = 16, .short_length = 11 } },
	{ LUA_RELEASE(5, 4, 0), "table row 5.4.0", {
		PROTO_54, STATUS_540, CI_54, .state_status = 10, .state_global = 24, .state_ci = 32, .state_base_ci = 96,
		.state_stack = 56, .state_stack_last = 48, .state_errorJmp = 88, .global_mainthread = 256,
		.ci_callstatus = 62 } },
	{ LUA_RELEASE(5, 4, 1), "table row 5.4.1", {
		PROTO_54, STATUS_540, CI_54, .state_status = 10, .state_global = 24, .state_ci = 32, .state_base_ci = 88,
		.state_stack = 48, .state_stack_last = 40, .state_errorJmp = 80, .global_mainthread = 264,
		.ci_callstatus = 62 } },
	{ LUA_RELEASE(5, 4, 2), "table row 5.4.2", {
		PROTO_54, STATUS_542, CI_54, .state_status = 10, .state_global = 24, .state_ci = 32, .state_base_ci = 88,
		.state_stack = 48, .state_stack_last = 40, .state_errorJmp = 80, .global_mainthread = 264,
		.ci_callstatus = 62 } },
	{ LUA_RELEASE(5, 4, 3), "table row 5.4.3", {
		STATE_543, PROTO_54, STATUS_542, CI_54, .state_status = 10, .global_mainthread = 264,
		.ci_callstatus = 62 } },
	{ LUA_RELEASE(5, 5, 0), "table row 5.5", {
		STATE_543, PROTO_54, CI_54, .state_status = 11, .global_mainthread = 1416, .main_inside = 1,
		.ci_callstatus = 60, .status_bytes = 4, .status_c = 0x8000, .status_fresh = 0x10000,
		.status_hooked = 0x100000,
		.status_tail = 0x400000, .status_finalizer = 0x1000000, .string_heap = 1 } },
};

const char lua_known_versions[] = "5.1 to 5.5";

#define X(field) { #field, offsetof(struct lua_layout, field) },
const struct lua_field lua_fields[] = { LUA_FIELDS(X) };
#undef X
const size_t lua_field_count = sizeof(lua_fields) / sizeof(lua_fields[0]);

static __u16 reach(__u16 bytes, __u16 field, unsigned size)
{
	return field + size > bytes ? field + size : bytes;
}

void lua_layout_spans(struct lua_layout *l)
{
	l->state_tag = l->thread_tag = 8; /* LUA_TTHREAD, lua.h */
	l->state_bytes = reach(reach(0, l->state_errorJmp, 8), l->base_ci_points ? l->state_base_ci : 0, 8);
	l->proto_bytes = reach(reach(reach(0, l->proto_source, 8), l->proto_lastlinedefined, 4), l->proto_sizelocvars, 4);
}

const struct lua_row *lua_row(unsigned release)
{
	const struct lua_row *found = NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].release <= release)
			found = &rows[i];
	return found && found->release >> 8 == release >> 8 ? found : NULL;
}
