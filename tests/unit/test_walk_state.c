// SPDX-License-Identifier: GPL-2.0-only
/* How the walk finds the state of a thread: each way, for every row of the layout table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "fake_python.h"
#include "runtimes/python/host.h"

#define GLIBC_DTV      8     /* struct pthread: the vector of TLS blocks */
#define GLIBC_SPECIFIC 0x310 /* struct pthread: the first pthread keys, (seq, value) each */
#define TSS_KEY	       5
#define TLS_MODULE     3
#define TLS_OFFSET     64

/* A thread of ours and one that is not, each with a frame of its own; `list`: is ours in the interpreter's list? */
struct threads {
	struct fake f;
	__u64 ours, other;
	__u64 our_code, other_code;
};

static void threads_init(struct threads *t, const struct python_row *row, bool in_list)
{
	struct fake *f = &t->f;
	__u64 head;

	fake_init(f, row);
	head = f->interp + OFF(f->layout->interp_threads_head);
	t->our_code = fake_code(f, "ours", "a.py", 1);
	t->other_code = fake_code(f, "other", "a.py", 2);
	t->ours = fake_state(f, fake_thread(0));
	if (!in_list)
		image_u64(&f->image, head, 0);
	t->other = fake_state(f, fake_thread(1));
	fake_enter(f, t->ours, fake_frame(f, 0, t->our_code, 0, false));
	fake_enter(f, t->other, fake_frame(f, 0, t->other_code, 0, false));
}

static void expect_thread(struct threads *t, unsigned int thread, enum scry_walk_error error, __u64 code)
{
	struct python_stack stack;

	assert_int_equal(python_host_walk_memory(&t->f.binary, &t->f.memory, FAKE_BIAS, fake_thread(thread), 100, &stack),
			 0);
	if (stack.error != error || stack.count != !!code || (code && stack.frames[0].address != code))
		fail_msg("version %x: error %d, %zu frames", t->f.binary.wire.python.version, stack.error, stack.count);
	python_stack_deinit(&stack);
}

/* A way to a state: told to the walker as present, and made to lead to `state`. */
typedef void way(struct fake *f, __u64 state);

static void by_current(struct fake *f, __u64 state)
{
	f->binary.wire.python.current = FAKE_CURRENT;
	image_u64(&f->image, FAKE_BIAS + FAKE_CURRENT, state);
}

static void by_key(struct fake *f, __u64 state)
{
	f->binary.wire.python.tss_key = FAKE_TSS_KEY;
	image_u32(&f->image, FAKE_BIAS + FAKE_TSS_KEY, TSS_KEY);
	image_u64(&f->image, fake_thread(0) + GLIBC_SPECIFIC + 16 * TSS_KEY + 8, state);
}

static void by_static_tls(struct fake *f, __u64 state)
{
	f->binary.wire.python.has_tls_tstate = 1;
	f->binary.wire.python.tls_tstate = -TLS_OFFSET;
	image_u64(&f->image, fake_thread(0) - TLS_OFFSET, state);
}

static void by_dynamic_tls(struct fake *f, __u64 state)
{
	struct scry_python *py = &f->binary.wire.python;
	__u64 vector = image_take(&f->image, 16 * 8, false), block = image_take(&f->image, 256, false);

	py->has_tls_gilstate = 1;
	py->tls_module = FAKE_TLS_MODULE;
	py->tls_gilstate = TLS_OFFSET;
	image_u64(&f->image, FAKE_BIAS + FAKE_TLS_MODULE, TLS_MODULE);
	image_u64(&f->image, fake_thread(0) + GLIBC_DTV, vector);
	image_u64(&f->image, vector + 16 * TLS_MODULE, block);
	image_u64(&f->image, block + TLS_OFFSET, state);
}

static way *const ways[] = { by_current, by_key, by_static_tls, by_dynamic_tls };
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void finds_the_state_each_way_without_the_list(void **state)
{
	const struct python_row *row;

	for (size_t i = 0; (row = fake_row(i)); i++)
		for (size_t w = 0; w < WAYS; w++) {
			struct threads t;

			threads_init(&t, row, false);
			expect_thread(&t, 0, SCRY_WALK_NO_THREAD_STATE, 0);
			ways[w](&t.f, t.ours);
			expect_thread(&t, 0, SCRY_WALK_OK, t.our_code);
			fake_deinit(&t.f);
		}
}

/* Then the list decides; a state that cannot be read is refused the same way. */
static void refuses_the_state_of_another_thread(void **state)
{
	const struct python_row *row;

	for (size_t i = 0; (row = fake_row(i)); i++)
		for (size_t w = 0; w < 2 * WAYS; w++) {
			struct threads t;

			threads_init(&t, row, true);
			ways[w / 2](&t.f, w % 2 ? 0x41414141410000 : t.other);
			expect_thread(&t, 0, SCRY_WALK_OK, t.our_code);
			fake_deinit(&t.f);
		}
}

static void refuses_wild_keys_and_module_numbers(void **state)
{
	const struct python_row *row;

	for (size_t i = 0; (row = fake_row(i)); i++) {
		struct threads t;

		threads_init(&t, row, false);
		by_key(&t.f, t.ours);
		image_u32(&t.f.image, FAKE_BIAS + FAKE_TSS_KEY, 32);
		expect_thread(&t, 0, SCRY_WALK_NO_THREAD_STATE, 0);
		by_dynamic_tls(&t.f, t.ours);
		image_u64(&t.f.image, FAKE_BIAS + FAKE_TLS_MODULE, 1ull << 60);
		expect_thread(&t, 0, SCRY_WALK_NO_THREAD_STATE, 0);
		by_dynamic_tls(&t.f, t.ours);
		image_u64(&t.f.image, fake_thread(0) + GLIBC_DTV, ~0ull);
		expect_thread(&t, 0, SCRY_WALK_NO_THREAD_STATE, 0);
		fake_deinit(&t.f);
	}
}

static void finds_each_thread_in_the_list_of_any_interpreter(void **state)
{
	const struct python_row *row;

	for (size_t i = 0; (row = fake_row(i)); i++) {
		struct threads t;

		threads_init(&t, row, true);
		for (unsigned int n = 2; n < 300; n++) {
			__u64 made;

			if (n % 100 == 0)
				fake_interp(&t.f);
			made = fake_state(&t.f, fake_thread(n));
			if (n == 250)
				fake_enter(&t.f, made, fake_frame(&t.f, 0, t.f.unnamed, 0, false));
		}
		expect_thread(&t, 0, SCRY_WALK_OK, t.our_code);
		expect_thread(&t, 1, SCRY_WALK_OK, t.other_code);
		expect_thread(&t, 250, SCRY_WALK_OK, t.f.unnamed);
		expect_thread(&t, 251, SCRY_WALK_NOT_STARTED, 0);
		expect_thread(&t, 300, SCRY_WALK_NO_THREAD_STATE, 0);
		fake_deinit(&t.f);
	}
}

static void says_that_no_interpreter_has_started(void **state)
{
	const struct python_row *row;

	for (size_t i = 0; (row = fake_row(i)); i++) {
		struct threads t;

		threads_init(&t, row, true);
		image_u64(&t.f.image, FAKE_BIAS + FAKE_INTERPRETERS, 0);
		expect_thread(&t, 0, SCRY_WALK_NOT_STARTED, 0);
		image_fault(&t.f.image, FAKE_BIAS + FAKE_INTERPRETERS);
		expect_thread(&t, 0, SCRY_WALK_NOT_STARTED, 0);
		fake_deinit(&t.f);
	}
}

static void says_that_a_state_cannot_be_read(void **state)
{
	const struct python_row *row;

	for (size_t i = 0; (row = fake_row(i)); i++) {
		struct threads t;

		threads_init(&t, row, true);
		image_u64(&t.f.image, t.other + OFF(t.f.layout->tstate_next), 0x41414141410000);
		expect_thread(&t, 0, SCRY_WALK_STATE_FAULT, 0);
		if (t.f.layout->tstate_cframe) {
			image_u64(&t.f.image, t.other + OFF(t.f.layout->tstate_cframe), 0x41414141410000);
			expect_thread(&t, 1, SCRY_WALK_STATE_FAULT, 0);
		}
		fake_deinit(&t.f);
	}
}

/* A list of states or of interpreters that bites its tail. */
static void ends_the_search_of_a_cyclic_list(void **state)
{
	const struct python_row *row;

	for (size_t i = 0; (row = fake_row(i)); i++) {
		struct threads t;

		threads_init(&t, row, true);
		image_u64(&t.f.image, t.ours + OFF(t.f.layout->tstate_next), t.other);
		expect_thread(&t, 2, SCRY_WALK_NO_THREAD_STATE, 0);
		image_u64(&t.f.image, t.f.interp + OFF(t.f.layout->interp_threads_head), 0);
		image_u64(&t.f.image, t.f.interp + OFF(t.f.layout->interp_next), t.f.interp);
		expect_thread(&t, 0, SCRY_WALK_NO_THREAD_STATE, 0);
		assert_in_range(t.f.image.reads, 1, 200000);
		fake_deinit(&t.f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_state_each_way_without_the_list),
		cmocka_unit_test(refuses_the_state_of_another_thread),
		cmocka_unit_test(refuses_wild_keys_and_module_numbers),
		cmocka_unit_test(finds_each_thread_in_the_list_of_any_interpreter),
		cmocka_unit_test(says_that_no_interpreter_has_started),
		cmocka_unit_test(says_that_a_state_cannot_be_read),
		cmocka_unit_test(ends_the_search_of_a_cyclic_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
