// SPDX-License-Identifier: GPL-2.0-only
/* Recognition by small files with the outside of a CPython (tests/targets/tiny_python.c). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "runtimes/python/python.h"

static char why[160];

static struct elf *open_tiny(const char *name)
{
	struct elf *elf = NULL;
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 100);

	assert_true(n > 0);
	path[n] = 0;
	strcpy(strstr(path, "/unit/") + 1, "tiny/");
	strcat(path, name);
	assert_int_equal(elf_open(open(path, O_RDONLY | O_CLOEXEC), &elf), 0);
	return elf;
}

static int recognise(struct elf *elf, struct runtime_binary *ret)
{
	*ret = (struct runtime_binary){ .ops = &python_runtime };
	why[0] = 0;
	return python_recognise(elf, "", 0, 0, ret, why, sizeof(why));
}

static void an_old_build_tells_its_static_variables_by_its_code(void **state)
{
	struct elf *elf = open_tiny("old.so");
	struct runtime_binary b;
	struct elf_symbol symbol;
	int key = 0;

	assert_int_equal(recognise(elf, &b), 0);
	assert_string_equal(b.version, "3.6.15");
	assert_string_equal(b.layout_from, "table row 3.6");
	assert_true(b.stripped && b.shared);
	assert_int_equal(elf_export(elf, "_PyThreadState_Current", &symbol), 0);
	assert_int_equal(b.wire.python.current, symbol.address);
	assert_int_equal(elf_export(elf, "PyCode_Type", &symbol), 0);
	assert_int_equal(b.wire.python.code_type, symbol.address);
	/* The key is the only static variable with a value in the file. */
	assert_int_equal(elf_read(elf, b.wire.python.tss_key, &key, sizeof(key)), 0);
	assert_int_equal(key, -1);
	assert_true(b.wire.python.interpreters &&
		    b.wire.python.interpreters != b.wire.python.current);
	elf_close(elf);
}

static void published_offsets_are_taken(void **state)
{
	struct elf *elf = open_tiny("new.so");
	struct runtime_binary b;
	struct elf_symbol symbol;

	assert_int_equal(recognise(elf, &b), 0);
	assert_string_equal(b.version, "3.13.0");
	assert_string_equal(b.layout_from, "published offsets");
	assert_int_equal(elf_export(elf, "_PyRuntime", &symbol), 0);
	assert_int_equal(b.wire.python.interpreters, symbol.address + 632);
	assert_int_equal(b.wire.python.tss_key, symbol.address + 2164);
	assert_int_equal(b.wire.python.current, 0);
	assert_memory_equal(&b.wire.python.layout, &python_row(PY_VERSION(3, 13), false)->layout,
			    sizeof(struct python_layout));
	elf_close(elf);
}

static void a_library_s_thread_local_state_has_a_module(void **state)
{
	struct elf *elf = open_tiny("new.so");
	struct runtime_binary b;

	assert_int_equal(recognise(elf, &b), 0);
	assert_true(b.wire.python.has_tls_tstate);
	assert_true(b.wire.python.tls_module);
	assert_int_equal(b.wire.python.tls_tstate, 0);
	elf_close(elf);
}

static void a_program_s_is_at_an_offset_from_the_thread_pointer(void **state)
{
	struct elf *elf = open_tiny("static");
	struct runtime_binary b;

	assert_int_equal(recognise(elf, &b), 0);
	assert_false(b.shared);
	assert_true(b.wire.python.has_tls_tstate);
	assert_int_equal(b.wire.python.tls_module, 0);
	assert_int_equal(b.wire.python.tls_tstate, -8);
	elf_close(elf);
}

static void the_function_that_frees_code_is_found(void **state)
{
	static const char *const files[] = { "old.so", "new.so", "static" };
	unsigned char code[8];
	struct runtime_binary b;

	for (int i = 0; i < 3; i++) {
		struct elf *elf = open_tiny(files[i]);

		assert_int_equal(recognise(elf, &b), 0);
		assert_int_equal(elf_pread(elf, b.code_dealloc, code, sizeof(code)), 0);
		assert_memory_equal(code, "\xc6\x07\x00\xc3", 4); /* movb $0,(%rdi); ret */
		elf_close(elf);
	}
}

static void an_unknown_version_is_named(void **state)
{
	struct elf *elf = open_tiny("unknown.so");
	struct runtime_binary b;

	assert_int_equal(recognise(elf, &b), -ENOTSUP);
	assert_non_null(strstr(why, "3.16"));
	assert_non_null(strstr(why, "3.6 to 3.15"));
	elf_close(elf);
}

static void an_impossible_offset_is_refused_by_name(void **state)
{
	struct elf *elf = open_tiny("lying.so");
	struct runtime_binary b;

	assert_int_equal(recognise(elf, &b), -ENOTSUP);
	assert_non_null(strstr(why, "frame_owner is 1000"));
	elf_close(elf);
}

static void offsets_that_differ_from_the_table_win_and_are_remarked(void **state)
{
	struct elf *elf =
		open_tiny("threaded.so"); /* says so, but has the offsets of a build with the GIL */
	struct runtime_binary b;

	assert_int_equal(recognise(elf, &b), 0);
	assert_true(b.free_threaded);
	assert_string_equal(b.layout_from, "published offsets, which differ from the table");
	assert_int_equal(OFF(b.wire.python.layout.code_filename), 112);
	elf_close(elf);
}

static void another_program_is_none_of_ours(void **state)
{
	struct runtime_binary b;
	struct elf *elf = NULL;

	assert_int_equal(elf_open(open("/proc/self/exe", O_RDONLY), &elf), 0);
	assert_int_equal(recognise(elf, &b), -ENOENT);
	assert_string_equal(why, "");
	elf_close(elf);
}

static void names_of_libraries_are_known(void **state)
{
	assert_true(runtime_may_be("/usr/lib/libpython3.9.so.1.0"));
	assert_true(runtime_may_be("/opt/lib/libpython3.13t.so"));
	assert_true(runtime_may_be("libluajit-5.1.so.2"));
	assert_false(runtime_may_be("/usr/lib/libc.so.6"));
	assert_false(runtime_may_be("/usr/lib/libpython3/x.cpython-311-x86_64-linux-gnu.so"));
	assert_false(runtime_may_be("/usr/bin/libpython3.9"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_old_build_tells_its_static_variables_by_its_code),
		cmocka_unit_test(published_offsets_are_taken),
		cmocka_unit_test(a_library_s_thread_local_state_has_a_module),
		cmocka_unit_test(a_program_s_is_at_an_offset_from_the_thread_pointer),
		cmocka_unit_test(the_function_that_frees_code_is_found),
		cmocka_unit_test(an_unknown_version_is_named),
		cmocka_unit_test(an_impossible_offset_is_refused_by_name),
		cmocka_unit_test(offsets_that_differ_from_the_table_win_and_are_remarked),
		cmocka_unit_test(another_program_is_none_of_ours),
		cmocka_unit_test(names_of_libraries_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
