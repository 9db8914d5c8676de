// SPDX-License-Identifier: GPL-2.0-only
/* Lua: the table of layouts against the headers of Lua, where SCRY_LUA_SOURCES names folders of them; records of all kinds of nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "runtimes/lua/lua.h"
#include "runtimes/lua/proto.h"

static void knows_each_release(void **state)
{
	static const unsigned known[] = { LUA_RELEASE(5, 1, 0), LUA_RELEASE(5, 1, 5), LUA_RELEASE(5, 2, 0), LUA_RELEASE(5, 2, 4),
					  LUA_RELEASE(5, 3, 0), LUA_RELEASE(5, 3, 1), LUA_RELEASE(5, 3, 6), LUA_RELEASE(5, 4, 0),
					  LUA_RELEASE(5, 4, 2), LUA_RELEASE(5, 4, 9), LUA_RELEASE(5, 5, 1) };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct lua_layout l;

		assert_non_null(lua_row(known[i]));
		assert_int_equal(lua_row(known[i])->release >> 8, known[i] >> 8);
		l = lua_row(known[i])->layout;
		lua_layout_spans(&l);
		assert_true(l.state_bytes && l.state_bytes <= 248 && l.state_bytes % 8 == 0);
		assert_true(l.proto_bytes && l.proto_bytes <= 248 && l.ci_size <= 120 && l.closure_p + 8 <= 56);
		assert_true(l.proto_code && l.proto_k && l.proto_source && l.proto_sizecode && l.state_errorJmp && l.ci_savedpc);
	}
	assert_int_equal(lua_row(LUA_RELEASE(5, 4, 1))->layout.status_tail, 0x10); /* with CIST_FRESH all moved (5.4.2) */
	assert_int_equal(lua_row(LUA_RELEASE(5, 4, 2))->layout.status_tail, 0x20);
	assert_string_equal(lua_row(LUA_RELEASE(5, 4, 4))->name, "table row 5.4.3");
	assert_null(lua_row(LUA_RELEASE(5, 0, 3)));
	assert_null(lua_row(LUA_RELEASE(5, 6, 0)));
}

/* ---- bits of ci->callstatus ---- */
#define X(bit) { #bit, offsetof(struct lua_layout, bit) },
static const struct lua_field status_bits[] = { X(status_lua) X(status_c) X(status_fresh) X(status_reentry)
						X(status_finalizer) X(status_tail) X(status_hooked) };
#undef X

static void compare_bit(const struct lua_row *row, const char *version, const char *name, unsigned value)
{
	for (size_t i = 0; i < ARRAY_SIZE(status_bits); i++) {
		__u32 ours;

		memcpy(&ours, (const char *)&row->layout + status_bits[i].at, sizeof(ours));
		if (!strcmp(status_bits[i].name, name) && ours != value)
			fail_msg("Lua %s: %s is %u, the table has %u", version, name, value, ours);
	}
}

static void compare_with(const char *folder)
{
	char command[512], name[64], version[32] = "";
	const struct lua_row *row = NULL;
	unsigned a, b, c = 0, value, fields = 0;

	snprintf(command, sizeof(command), "runtimes/lua/layouts '%s'", folder);
	FILE *p = popen(command, "r");

	assert_non_null(p);
	assert_int_equal(fscanf(p, "release Lua %31s\n", version), 1);
	assert_true(sscanf(version, "%u.%u.%u", &a, &b, &c) >= 2);
	row = lua_row(LUA_RELEASE(a, b, c));
	assert_non_null(row);
	for (; fscanf(p, "%63s %u\n", name, &value) == 2; fields++) {
		compare_bit(row, version, name, value);
		for (size_t i = 0; i < lua_field_count; i++) {
			__u16 ours;

			memcpy(&ours, (const char *)&row->layout + lua_fields[i].at, sizeof(ours));
			if (!strcmp(lua_fields[i].name, name) && ours != value)
				fail_msg("Lua %s: %s is %u, the table has %u", version, name, value, ours);
		}
	}
	pclose(p);
	assert_true(fields > 25);
}

static void agrees_with_the_headers(void **state)
{
	const char *folders = getenv("SCRY_LUA_SOURCES");
	_cleanup_free_ char *list = folders ? strdup(folders) : NULL;

	if (!list)
		skip();
	for (char *rest = list, *folder; (folder = strtok_r(rest, ":", &rest));)
		compare_with(folder);
}

/* A record of a function with parts that are as they should be, of which bytes are then changed. */
static size_t record_make(unsigned char *bytes, size_t room, bool jit)
{
	struct scry_code *code = (struct scry_code *)bytes;
	struct lua_seen *seen = (struct lua_seen *)code->bytes;
	unsigned char *at = code->bytes + sizeof(*seen);

	memset(bytes, 0, room);
	code->file.bytes = code->file.chars = 8;
	memcpy(at, "@a/b.lua", 8);
	at += 8;
	seen->first_line = 3;
	seen->last_line = 9;
	seen->upvalues = jit ? 2 : 0;
	for (int part = 0; part < LUA_PART_COUNT; part++) {
		bool names = part >= LUA_PART_constants;

		seen->part[part].count = jit && part == LUA_PART_abslineinfo ? 24 : 6;
		seen->part[part].bytes = names ? 6 * LUA_NAME : part == LUA_PART_lineinfo && jit ? 6 : 24;
		memset(at, 1 + part, seen->part[part].bytes);
		for (int i = 0; names && i < 6; i++)
			memcpy(at + i * LUA_NAME + (part == LUA_PART_locals ? 8 : 0), "name", 5);
		at += (seen->part[part].bytes + 7) & ~7u;
	}
	assert_true(at <= bytes + room);
	return at - bytes;
}

static void survives_any_record(void **state)
{
	static const unsigned versions[] = { LUA_RELEASE(5, 1, 5), LUA_RELEASE(5, 2, 4), LUA_RELEASE(5, 3, 6), LUA_RELEASE(5, 4, 4),
					     LUA_RELEASE(5, 5, 1), 0 };
	unsigned char bytes[4096];
	unsigned seed = 1, decoded = 0;

	for (int round = 0; round < 30000; round++) {
		unsigned release = versions[round % ARRAY_SIZE(versions)];
		struct runtime_binary binary = { .ops = &lua_runtime };
		struct code_name name = { 0 };
		size_t size = record_make(bytes, sizeof(bytes), !release);
		char called[64];

		binary.wire.lua.version = release ? release >> 8 : LUA_VERSION_JIT;
		binary.wire.lua.layout = release ? lua_row(release)->layout : (struct lua_layout){ .jit = 1 };
		for (int i = rand_r(&seed) % 12; i > 0; i--)
			bytes[sizeof(struct scry_record) + rand_r(&seed) % (size - sizeof(struct scry_record))] = rand_r(&seed);
		((struct scry_code *)bytes)->head.pid = 0; /* no process to read more from */
		if (round % 7 == 0)
			size -= rand_r(&seed) % size;
		if (lua_decode(&binary, (struct scry_code *)bytes, size, &name))
			continue;
		decoded++;
		for (int at = -4; at < 40; at += 4) {
			assert_true(lua_line(&binary, &name, at) >= 0);
			lua_call_name(&binary, &name, &name, at, called, sizeof(called));
		}
		code_name_deinit(&name);
	}
	assert_true(decoded > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_each_release),
		cmocka_unit_test(agrees_with_the_headers),
		cmocka_unit_test(survives_any_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
