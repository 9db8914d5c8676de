// SPDX-License-Identifier: GPL-2.0-only
/* Objects of a process that is an image of memory, read as values and written as repr() does, for every row of the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "fake_python.h"
#include "runtimes/host.h"
#include "runtimes/python/repr.h"
#include "runtimes/python/values.h"

static struct scry_scratch *scratch;
static char shown[65536];

static void note(void *ctx, const char *name, const char *text)
{
	size_t size = strlen(shown);

	snprintf(shown + size, sizeof(shown) - size, "%s%s%s%s", size ? " " : "", name ? name : "", name ? "=" : "", text);
}

static const char *run(struct fake *f)
{
	walk_memory = &f->memory;
	for (int i = 0; i < VALUES_STEPS && !values_step(f->layout, scratch); i++)
		;
	shown[0] = '\0';
	assert_true(python_repr(scratch->values.stream, scratch->values.bytes, note, NULL) >= 0);
	return shown;
}

static const char *show(struct fake *f, __u64 object)
{
	memset(scratch, 0xa5, sizeof(*scratch));
	walk_memory = &f->memory;
	values_begin(scratch, object);
	return run(f);
}

static __u64 type(struct fake *f, const char *name, __u64 flags)
{
	__u64 made = image_take(&f->image, 512, false), text = image_take(&f->image, strlen(name) + 1, false);

	image_put(&f->image, text, name, strlen(name) + 1);
	image_u64(&f->image, made + OFF(f->layout->type_name), text);
	image_u64(&f->image, made + OFF(f->layout->type_flags), flags);
	return made;
}

static __u64 object(struct fake *f, const char *name)
{
	__u64 made = image_take(&f->image, 256, false);

	image_u64(&f->image, made + OFF(f->layout->object_type), type(f, name, 0));
	return made;
}

static __u64 number(struct fake *f, double value)
{
	__u64 made = object(f, "float"), bits;

	memcpy(&bits, &value, sizeof(bits));
	image_u64(&f->image, made + OFF(f->layout->float_value), bits);
	return made;
}

static __u64 list(struct fake *f, __u64 count, __u64 item)
{
	__u64 made = object(f, "list"), items = image_take(&f->image, 8 * 8, false);

	image_u64(&f->image, made + OFF(f->layout->tuple_size), count);
	image_u64(&f->image, made + OFF(f->layout->list_items), items);
	for (int i = 0; i < 8; i++)
		image_u64(&f->image, items + 8 * i, item);
	return made;
}

static void each_row(void (*test)(struct fake *f))
{
	const struct python_row *row;

	for (size_t i = 0; (row = fake_row(i)); i++) {
		struct fake f;

		fake_init(&f, row);
		test(&f);
		fake_deinit(&f);
	}
}

static void floats(struct fake *f)
{
	assert_string_equal(show(f, number(f, 0.1)), "0.1");
	assert_string_equal(show(f, number(f, -0.0)), "-0.0");
	assert_string_equal(show(f, number(f, 1e15)), "1000000000000000.0");
	assert_string_equal(show(f, number(f, 1e16)), "1e+16");
	assert_string_equal(show(f, number(f, 0.0001)), "0.0001");
	assert_string_equal(show(f, number(f, 0.00001)), "1e-05");
	assert_string_equal(show(f, number(f, 123456.78901234567)), "123456.78901234567");
}

static void containers(struct fake *f)
{
	__u64 none = object(f, "NoneType");

	assert_string_equal(show(f, list(f, 0, 0)), "[]");
	assert_string_equal(show(f, list(f, 2, none)), "[None, None]");
	assert_string_equal(show(f, list(f, 5, none)), "[None, None, None, None, ... 5 items]");
	assert_string_equal(show(f, list(f, 1, list(f, 1, list(f, 3, none)))), "[[[... 3 items]]]");
	assert_string_equal(show(f, list(f, 1, 0x4141414141414141)), "[<unreadable>]");
}

/* A list that contains itself is shown as deep as any. */
static void cycles(struct fake *f)
{
	__u64 made = list(f, 1, 0), items = 0;

	image_read(&f->image, &items, sizeof(items), made + OFF(f->layout->list_items));
	image_u64(&f->image, items, made);
	assert_string_equal(show(f, made), "[[[... 1 items]]]");
}

static void classes(struct fake *f)
{
	__u64 made = object(f, "module.sub.Name"), heap = object(f, "");

	image_u64(&f->image, heap + OFF(f->layout->object_type), type(f, "list", VALUES_HEAP_TYPE));
	assert_string_equal(show(f, made), "<Name>");
	assert_string_equal(show(f, heap), "<list>");
	assert_string_equal(show(f, object(f, "a\x1b[31m")), "<a\\x1b[31m>");
	assert_string_equal(show(f, 0), "<unreadable>");
	assert_string_equal(show(f, ~7ull), "<unreadable>");
}

/* Sizes, counts and addresses may all be wrong: it ends, and says something. */
static void lies(struct fake *f)
{
	static const char *const names[] = { "int", "bool", "long", "str", "unicode", "bytes", "list",
					     "tuple", "dict", "set", "frozenset", "float" };
	static const __u64 words[] = { ~0ull, 1ull << 63, 0x4141414141414141, 3, 1ull << 40, 0xffffffff };

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
			__u64 made = object(f, names[n]), head = OFF(f->layout->object_type) + 8;

			for (__u64 at = head; at < 256; at += 8)
				image_u64(&f->image, made + at, words[w]);
			assert_true(strlen(show(f, made)) > 0);
			assert_true(scratch->values.bytes <= SCRY_VALUE_ROOM);
		}
}

#define EACH_ROW(name, test)           \
	static void name(void **state) \
	{                              \
		each_row(test);        \
	}

EACH_ROW(writes_floats_as_python_does, floats)
EACH_ROW(tells_the_first_items_and_how_many_there_are, containers)
EACH_ROW(ends_where_a_list_contains_itself, cycles)
EACH_ROW(names_the_type_of_what_it_does_not_know, classes)
EACH_ROW(bears_objects_that_lie, lies)

/* Whatever the bytes, the text is made of them alone, and it ends. */
static void bears_any_stream(void **state)
{
	static unsigned char stream[SCRY_VALUE_ROOM];

	srand(1);
	for (int round = 0; round < 20000; round++) {
		size_t size = rand() % sizeof(stream);

		for (size_t i = 0; i + sizeof(struct scry_value) <= size; i += sizeof(struct scry_value)) {
			struct scry_value head = { .what = rand() % (SCRY_VALUE_COUNT + 1), .flags = rand() % 4,
						   .kind = rand() % 6, .bytes = rand() % 3 ? 0 : rand() % 100,
						   .number = rand() % 5 };

			memcpy(stream + i, &head, sizeof(head));
		}
		shown[0] = '\0';
		assert_true(python_repr(stream, size, note, NULL) >= 0);
	}
}

static void cuts_a_stream_that_ends_inside(void **state)
{
	struct scry_value heads[3] = { { .what = SCRY_VALUE_ARGS, .number = 3 },
				       { .what = SCRY_VALUE_STR, .number = 0 },
				       { .what = SCRY_VALUE_LIST, .number = 2 } };

	shown[0] = '\0';
	assert_int_equal(python_repr(heads, sizeof(heads), note, NULL), 2);
	assert_string_equal(shown, "=[... 2 items] ...=...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_floats_as_python_does),
		cmocka_unit_test(tells_the_first_items_and_how_many_there_are),
		cmocka_unit_test(ends_where_a_list_contains_itself),
		cmocka_unit_test(names_the_type_of_what_it_does_not_know),
		cmocka_unit_test(bears_objects_that_lie),
		cmocka_unit_test(bears_any_stream),
		cmocka_unit_test(cuts_a_stream_that_ends_inside),
	};
	int failed;

	scratch = calloc(1, sizeof(*scratch));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(scratch);
	return failed;
}
