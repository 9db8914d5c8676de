// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects of a process whose heap is nonsense, or means harm: reading them ends, and soon. The
 * process is this one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "runtimes/python/objects.h"
#include "runtimes/python/python.h"

#define HEAP_WORDS 65536

static __u64 heap[HEAP_WORDS];
static unsigned found;

static void count_thread(void *ctx, const struct runtime_thread_name *thread)
{
	assert_true(memchr(thread->name, 0, sizeof(thread->name)));
	found++;
}

static const struct python_row *row_at(int i)
{
	static const unsigned versions[] = { PY_VERSION(2, 7),	PY_VERSION(3, 6),
					     PY_VERSION(3, 9),	PY_VERSION(3, 11),
					     PY_VERSION(3, 12), PY_VERSION(3, 13),
					     PY_VERSION(3, 15) };

	return i < (int)(sizeof(versions) / sizeof(versions[0])) ? python_row(versions[i], false)
								 : NULL;
}

/* Read the threads of an interpreter whose head is heap[0]; true: within `seconds`. */
static bool threads_end(const struct python_row *row, double seconds)
{
	struct runtime_binary binary = { .ops = &python_runtime };
	struct timespec a, b;

	binary.wire.python.version = row->version;
	binary.wire.python.layout = row->layout;
	binary.wire.python.interpreters = (uintptr_t)heap;
	clock_gettime(CLOCK_MONOTONIC, &a);
	python_threads(&binary, getpid(), 0, count_thread, NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	return b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9 < seconds;
}

static __u64 anywhere(void)
{
	return (uintptr_t)&heap[rand() % HEAP_WORDS];
}

static void a_heap_of_wild_pointers_ends(void **state)
{
	srand(1);
	for (int i = 0; row_at(i); i++)
		for (int round = 0; round < 20; round++) {
			for (int w = 0; w < HEAP_WORDS; w++)
				heap[w] = rand() % 8 ? anywhere() : (__u64)rand() << (rand() % 33);
			assert_true(threads_end(row_at(i), 20));
		}
	assert_true(found);
}

/*
 * Every pointer leads to the same place: lists are cycles, every object is a dict, a str, a type
 * and itself.
 */
static void a_heap_that_is_one_object_ends(void **state)
{
	for (int i = 0; row_at(i); i++)
		for (int flag = 0; flag < 3; flag++) {
			const struct python_layout *l = &row_at(i)->layout;

			for (int w = 0; w < HEAP_WORDS; w++)
				heap[w] = (uintptr_t)heap;
			/*
			 * a dict, with and without attributes in place, as full as it may claim to
			 * be
			 */
			heap[OFF(l->type_flags) / 8] = 1ul << 29 | 1ul << 28 | 1ul << 24 |
						       (flag == 1   ? 16
							: flag == 2 ? 20
								    : 0);
			if (l->keys_nentries && flag)
				heap[OFF(l->keys_nentries) / 8] = 1u << 20;
			if (l->keys_log2_size)
				heap[OFF(l->keys_log2_size) / 8] = 0x0a0a;
			if (l->dict_mask)
				heap[OFF(l->dict_mask) / 8] = (1u << 20) - 1;
			assert_true(threads_end(row_at(i), 20));
		}
}

/* ---- texts and numbers, as 3.12 lays them out ---- */

static struct objects reader(void)
{
	return (struct objects){ .pid = getpid(),
				 .layout = &python_row(PY_VERSION(3, 12), false)->layout,
				 .budget = 1000 };
}

/* An object at heap[0] whose type, at heap[100], has these flags. */
static const struct python_layout *object_make(__u64 flags)
{
	const struct python_layout *l = &python_row(PY_VERSION(3, 12), false)->layout;

	memset(heap, 0, sizeof(heap));
	heap[OFF(l->object_type) / 8] = (uintptr_t)&heap[100];
	heap[100 + OFF(l->type_flags) / 8] = flags;
	return l;
}

static void an_int_is_its_digits(void **state)
{
	struct objects o = reader();
	const struct python_layout *l = object_make(1ul << 24);
	__u32 *digits = (__u32 *)((char *)heap + OFF(l->int_digits));
	__u64 value;

	heap[OFF(l->int_size) / 8] = 3 << 3;
	digits[0] = 5, digits[1] = 1, digits[2] = 2;
	assert_true(object_int(&o, (uintptr_t)heap, &value));
	assert_true(value == (2ull << 60) + (1ull << 30) + 5);
	digits[2] = 16; /* 2 to the 64th */
	assert_false(object_int(&o, (uintptr_t)heap, &value));
	digits[2] = 1u << 30; /* no digit */
	assert_false(object_int(&o, (uintptr_t)heap, &value));
	heap[OFF(l->int_size) / 8] = 4 << 3;
	assert_false(object_int(&o, (uintptr_t)heap, &value));
	heap[OFF(l->int_size) / 8] = 1 << 3 | 2; /* negative */
	assert_false(object_int(&o, (uintptr_t)heap, &value));
	heap[OFF(l->int_size) / 8] = 1; /* zero */
	assert_true(object_int(&o, (uintptr_t)heap, &value));
	assert_true(value == 0);
}

static void a_text_is_cut_between_characters(void **state)
{
	struct objects o = reader();
	const struct python_layout *l = object_make(1ul << 28);
	char text[6];

	heap[OFF(l->str_length) / 8] = 3;
	heap[OFF(l->str_state) / 8] = 2 << 2 | 1 << 5; /* two bytes a character, compact */
	memcpy((char *)heap + OFF(l->str_compact), u"ж€я", 6);
	assert_true(object_text(&o, (uintptr_t)heap, text, sizeof(text)));
	assert_string_equal(text, "ж€");
	assert_true(object_text(&o, (uintptr_t)heap, text, 5));
	assert_string_equal(text, "ж");
	heap[OFF(l->str_state) / 8] = 3 << 2 | 1 << 5;
	assert_false(object_text(&o, (uintptr_t)heap, text, sizeof(text)));
	heap[OFF(l->str_state) / 8] = 2 << 2;
	assert_false(object_text(&o, (uintptr_t)heap, text, sizeof(text)));
}

static void a_str_that_publishes_nonsense_is_not_read(void **state)
{
	struct python_layout l = python_row(PY_VERSION(3, 13), false)->layout;
	struct objects o = { .pid = getpid(), .layout = &l, .budget = 1000 };
	struct object_dict dict = { .entries = (uintptr_t)heap, .count = 1, .entry_size = 16 };
	char text[8];
	__u64 value;

	object_make(1ul << 28);
	heap[0] = heap[1] = (uintptr_t)heap;
	l.str_state = AT(60000);
	assert_false(object_text(&o, (uintptr_t)heap, text, sizeof(text)));
	assert_false(object_dict_find(&o, &dict, "key", &value));
	l.str_ascii = AT(65000);
	assert_false(object_text(&o, (uintptr_t)heap, text, sizeof(text)));
	assert_false(object_dict_find(&o, &dict, "key", &value));
}

static void what_is_of_another_type_is_not_read(void **state)
{
	struct objects o = reader();
	struct object_dict dict;
	char text[8];
	__u64 value;

	object_make(1ul << 25); /* a list */
	assert_false(object_int(&o, (uintptr_t)heap, &value));
	assert_false(object_text(&o, (uintptr_t)heap, text, sizeof(text)));
	assert_false(object_dict(&o, (uintptr_t)heap, &dict));
	assert_false(object_dict(&o, 0, &dict));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_heap_of_wild_pointers_ends),
		cmocka_unit_test(a_heap_that_is_one_object_ends),
		cmocka_unit_test(an_int_is_its_digits),
		cmocka_unit_test(a_text_is_cut_between_characters),
		cmocka_unit_test(a_str_that_publishes_nonsense_is_not_read),
		cmocka_unit_test(what_is_of_another_type_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
