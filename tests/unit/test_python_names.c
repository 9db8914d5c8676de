// SPDX-License-Identifier: GPL-2.0-only
/*
 * Texts of code objects: every kind of str, what is no character, and records that lie about their
 * sizes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "runtimes/python/python.h"

static void expect_text(const void *bytes, size_t chars, unsigned kind, enum scry_encoding encoding,
			const char *text)
{
	char *got = python_text(bytes, chars, kind, encoding);

	assert_non_null(got);
	assert_string_equal(got, text);
	free(got);
}

static void every_kind_becomes_utf8(void **state)
{
	static const __u16 two[] = { 'f', 0x43c, 0x20ac };
	static const __u32 four[] = { 'f', 0xe9, 0x20ac, 0x1f40d };

	expect_text("main.<locals>", 13, 1, SCRY_ENCODING_UCS, "main.<locals>");
	expect_text("na\xefve", 5, 1, SCRY_ENCODING_UCS, "na\xc3\xafve");
	expect_text(two, 3, 2, SCRY_ENCODING_UCS, "f\xd0\xbc\xe2\x82\xac");
	expect_text(four, 4, 4, SCRY_ENCODING_UCS, "f\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x8d");
	expect_text("na\xc3\xafve", 6, 1, SCRY_ENCODING_UTF8, "na\xc3\xafve");
	expect_text("", 0, 1, SCRY_ENCODING_UCS, "");
}

static void what_is_no_character_is_escaped(void **state)
{
	static const __u16 surrogates[] = { 'a', 0xdcff, 0xd83d, 0xdc0d };
	static const __u32 large[] = { 0x110000, 0xffffffff };

	expect_text(surrogates, 4, 2, SCRY_ENCODING_UCS, "a\\udcff\\ud83d\\udc0d");
	expect_text(large, 2, 4, SCRY_ENCODING_UCS, "\\U00110000\\Uffffffff");
	expect_text("a\0b", 3, 1, SCRY_ENCODING_UCS, "a\\x00b");
}

static void broken_utf8_is_escaped_byte_by_byte(void **state)
{
	expect_text("\xff\xfe", 2, 1, SCRY_ENCODING_UTF8, "\\xff\\xfe");
	expect_text("a\xc3", 2, 1, SCRY_ENCODING_UTF8, "a\\xc3"); /* cut */
	expect_text("\xc0\x80", 2, 1, SCRY_ENCODING_UTF8, "\\xc0\\x80"); /* longer than needed */
	expect_text("\xed\xa0\x80", 3, 1, SCRY_ENCODING_UTF8, "\\xed\\xa0\\x80"); /* a surrogate */
	expect_text("\xf4\x90\x80\x80", 4, 1, SCRY_ENCODING_UTF8,
		    "\\xf4\\x90\\x80\\x80"); /* too large */
}

/* ---- records ---- */

struct record {
	struct scry_code code;
	__u8 bytes[256];
};

static const struct runtime_binary binary = { .ops = &python_runtime };

static void add_text(struct record *r, struct scry_text *text, const char *bytes, __u32 size,
		     __u32 chars, __u64 address)
{
	static __u32 at;

	at = text == &r->code.name ? 0 : at;
	*text = (struct scry_text){ .chars = chars, .bytes = size, .kind = 1, .address = address };
	memcpy(r->bytes + at, bytes, size);
	at += size;
}

static int decode(struct record *r, size_t bytes, struct code_name *ret)
{
	/* Of the exact size, so that a sanitizer sees a read behind it. */
	struct scry_code *copy = malloc(sizeof(r->code) + bytes);
	int err;

	memcpy(copy, &r->code, sizeof(r->code));
	memcpy(copy->bytes, r->bytes, bytes);
	err = python_decode(&binary, copy, sizeof(r->code) + bytes, ret);
	free(copy);
	return err;
}

static void a_record_has_its_three_texts(void **state)
{
	struct record r = { .code.first_line = 7, .code.head.pid = getpid() };
	struct code_name name;

	add_text(&r, &r.code.name, "C.f", 3, 3, 0);
	add_text(&r, &r.code.file, "/x.py", 5, 5, 0);
	add_text(&r, &r.code.lines, "\1\2\3", 3, 3, 0);
	assert_int_equal(decode(&r, 11, &name), 0);
	assert_string_equal(name.name, "C.f");
	assert_string_equal(name.file, "/x.py");
	assert_int_equal(name.first_line, 7);
	assert_int_equal(name.lines_size, 3);
	assert_memory_equal(name.lines, "\1\2\3", 3);
	code_name_deinit(&name);
}

static void what_the_record_lacks_is_read_from_the_process(void **state)
{
	static const char text[] = "a_name_that_did_not_fit";
	struct record r = { .code.head.pid = getpid() };
	struct code_name name;

	add_text(&r, &r.code.name, text, 6, sizeof(text) - 1, (__u64)text);
	add_text(&r, &r.code.file, "", 0, 5, 4); /* no such address: cut */
	add_text(&r, &r.code.lines, "\1", 1, 2, 0);
	assert_int_equal(decode(&r, 7, &name), 0);
	assert_string_equal(name.name, text);
	assert_string_equal(name.file, "");
	assert_int_equal(name.lines_size, 1);
	code_name_deinit(&name);
}

static void lying_sizes_are_refused(void **state)
{
	struct record r = { .code.head.pid = getpid() };
	struct code_name name;

	add_text(&r, &r.code.name, "abc", 3, 3, 0);
	add_text(&r, &r.code.file, "", 0, 0, 0);
	add_text(&r, &r.code.lines, "", 0, 0, 0);
	assert_int_equal(decode(&r, 2, &name), -EINVAL);
	r.code.file.bytes = 0xfffffff0;
	assert_int_equal(decode(&r, 3, &name), -EINVAL);
	r.code.file.bytes = 0;
	r.code.name.kind = 3;
	assert_int_equal(decode(&r, 3, &name), -EINVAL);
	assert_int_equal(python_decode(&binary, &r.code, 5, &name), -EINVAL);
}

static void more_characters_than_a_name_has_are_cut(void **state)
{
	struct record r = { .code.head.pid = getpid() };
	struct code_name name;

	add_text(&r, &r.code.name, "abcd", 4, 0xffffffff, 0);
	add_text(&r, &r.code.file, "", 0, 0, 0);
	add_text(&r, &r.code.lines, "", 0, 0xffffffff, 0);
	r.code.name.kind = 4;
	assert_int_equal(decode(&r, 4, &name), 0);
	assert_string_equal(name.name, "\\U64636261");
	assert_int_equal(name.lines_size, 0);
	code_name_deinit(&name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_becomes_utf8),
		cmocka_unit_test(what_is_no_character_is_escaped),
		cmocka_unit_test(broken_utf8_is_escaped_byte_by_byte),
		cmocka_unit_test(a_record_has_its_three_texts),
		cmocka_unit_test(what_the_record_lacks_is_read_from_the_process),
		cmocka_unit_test(lying_sizes_are_refused),
		cmocka_unit_test(more_characters_than_a_name_has_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
