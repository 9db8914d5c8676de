// SPDX-License-Identifier: GPL-2.0-only
/* What is copied of a code object when it is first seen, and what becomes of it, for every row of the layout table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "fake_python.h"
#include "runtimes/host.h"
#include "runtimes/python/identity.h"

#define LONG_NAME 10000

static struct scry_scratch *scratch;

/* Copy it as the kernel does; the bytes of text, or a negative enum scry_walk_error. */
static int copy(struct fake *f, __u64 code)
{
	int bytes;

	walk_memory = &f->memory;
	memset(scratch, 0xa5, sizeof(*scratch));
	memset(&scratch->code.head, 0, sizeof(scratch->code.head)); /* pid 0: nothing more can be read of it */
	bytes = identity_read(scratch, &f->binary.wire.python, FAKE_BIAS, code);
	assert_true(bytes <= (int)sizeof(scratch->text));
	return bytes;
}

static struct code_name identify(struct fake *f, __u64 code)
{
	struct code_name name = { 0 };
	int bytes = copy(f, code);

	assert_true(bytes >= 0);
	assert_int_equal(python_decode(&f->binary, &scratch->code, sizeof(scratch->code) + bytes, &name), 0);
	return name;
}

static void expect_name(struct fake *f, __u64 object, const char *expected)
{
	struct code_name name = identify(f, fake_code_of(f, object, fake_name(f, "dir/file.py"), 77));

	assert_string_equal(name.name, expected);
	assert_string_equal(name.file, "dir/file.py");
	assert_int_equal(name.first_line, 77);
	code_name_deinit(&name);
}

typedef void row_test(struct fake *f);

static void each_row(row_test *test, bool unicode_only)
{
	const struct python_row *row;

	for (size_t i = 0; (row = fake_row(i)); i++) {
		struct fake f;

		if (unicode_only && row->layout.str == PYTHON_STR_BYTES)
			continue;
		fake_init(&f, row);
		test(&f);
		fake_deinit(&f);
	}
}

static const __u16 two[] = { 0x43c, 0x438, 0x440, 0xd800 };
static const __u32 four[] = { 's', 0x1f40d, 0x110000 };

static void kinds(struct fake *f, enum fake_str made)
{
	expect_name(f, fake_str(f, "plain", 5, 1, made), "plain");
	expect_name(f, fake_str(f, "na\xefve", 5, 1, made), "na\xc3\xafve");
	expect_name(f, fake_str(f, two, 4, 2, made), "\xd0\xbc\xd0\xb8\xd1\x80\\ud800");
	expect_name(f, fake_str(f, four, 3, 4, made), "s\xf0\x9f\x90\x8d\\U00110000");
}

static void compact(struct fake *f)
{
	kinds(f, FAKE_COMPACT);
}

static void legacy(struct fake *f)
{
	kinds(f, FAKE_LEGACY);
}

static void bytes_names(struct fake *f)
{
	if (f->layout->str == PYTHON_STR_BYTES)
		expect_name(f, fake_bytes(f, "na\xc3\xafve\xff", 7), "na\xc3\xafve\\xff");
}

static void line_table(struct fake *f)
{
	__u64 code = fake_code(f, "f", "f.py", 1);
	struct code_name name;

	image_u64(&f->image, code + OFF(f->layout->code_linetable), fake_bytes(f, "\1\2\0\3\xff", 5));
	name = identify(f, code);
	assert_int_equal(name.lines_size, 5);
	assert_memory_equal(name.lines, "\1\2\0\3\xff", 5);
	code_name_deinit(&name);
}

/* What does not fit is read from the process later; this one cannot be. */
static void long_names(struct fake *f)
{
	bool bytes = f->layout->str == PYTHON_STR_BYTES;
	char *text = malloc(4 * LONG_NAME + 1);

	for (unsigned int kind = 1; kind <= (bytes ? 1 : 4); kind *= 2) {
		size_t kept = SCRY_NAME_BYTES / kind;
		struct code_name name;
		__u64 object;

		for (size_t i = 0; i < LONG_NAME; i++) {
			__u32 c = 'a' + i % 26;

			memcpy(text + i * kind, &c, kind);
		}
		object = bytes ? fake_bytes(f, text, LONG_NAME) : fake_str(f, text, LONG_NAME, kind, FAKE_COMPACT);
		name = identify(f, fake_code_of(f, object, fake_name(f, "f.py"), 1));
		assert_int_equal(strlen(name.name), kept);
		assert_int_equal(name.name[kept - 1], 'a' + (kept - 1) % 26);
		assert_int_equal(scratch->code.name.chars, LONG_NAME);
		code_name_deinit(&name);
	}
	free(text);
}

static void set_length(struct fake *f, __u64 object, __u64 length)
{
	bool bytes = f->layout->str == PYTHON_STR_BYTES;

	image_u64(&f->image, object + OFF(bytes ? f->layout->bytes_size : f->layout->str_length), length);
}

/* A length that is impossible stands for none; one that reaches past what is mapped leaves the text out. */
static void lying_lengths(struct fake *f)
{
	static const __u64 lies[] = { ~0ull, 1ull << 63, 1ull << 32, 1ull << 30, 0x80000001 };
	__u64 object = fake_name(f, "liar");

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		set_length(f, object, lies[i]);
		expect_name(f, object, "");
	}
	object = fake_name(f, "liar");
	image_fault(&f->image, image_take(&f->image, PAGE, true));
	set_length(f, object, PAGE);
	expect_name(f, object, "");
}

static void wild_texts(struct fake *f)
{
	expect_name(f, 0, "");
	expect_name(f, 0x4141414141414141, "");
	expect_name(f, ~7ull, "");
}

static void no_code(struct fake *f)
{
	__u64 code = fake_code(f, "f", "f.py", 1);

	assert_int_equal(copy(f, 0), -SCRY_WALK_BAD_CODE);
	assert_int_equal(copy(f, 0x4141414141414141), -SCRY_WALK_BAD_CODE);
	image_u64(&f->image, code + OFF(f->layout->object_type), FAKE_CODE_TYPE);
	assert_int_equal(copy(f, code), -SCRY_WALK_BAD_CODE);
}

#define FOR_EACH_ROW(name, test, unicode_only)     \
	static void name(void **state)             \
	{                                          \
		each_row(test, unicode_only);      \
	}

FOR_EACH_ROW(reads_names_of_each_width, compact, true)
FOR_EACH_ROW(reads_names_whose_text_lies_elsewhere, legacy, true)
FOR_EACH_ROW(reads_names_that_are_bytes, bytes_names, false)
FOR_EACH_ROW(reads_the_line_table, line_table, false)
FOR_EACH_ROW(cuts_a_long_name_of_a_process_that_is_gone, long_names, false)
FOR_EACH_ROW(believes_no_impossible_length, lying_lengths, false)
FOR_EACH_ROW(shows_no_text_where_there_is_none, wild_texts, false)
FOR_EACH_ROW(takes_only_code_objects, no_code, false)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_names_of_each_width),
		cmocka_unit_test(reads_names_whose_text_lies_elsewhere),
		cmocka_unit_test(reads_names_that_are_bytes),
		cmocka_unit_test(reads_the_line_table),
		cmocka_unit_test(cuts_a_long_name_of_a_process_that_is_gone),
		cmocka_unit_test(believes_no_impossible_length),
		cmocka_unit_test(shows_no_text_where_there_is_none),
		cmocka_unit_test(takes_only_code_objects),
	};
	int failed;

	scratch = calloc(1, sizeof(*scratch));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(scratch);
	return failed;
}
