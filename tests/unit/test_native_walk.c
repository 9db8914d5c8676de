// SPDX-License-Identifier: GPL-2.0-only
/* The walk of C frames, as the kernel runs it, on this program's own stack: held against backtrace(), which is not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "../native_host.h"

static int setup(void **state)
{
	return host_open() ?: host_look(getpid());
}

static int teardown(void **state)
{
	host_close();
	return 0;
}

static int read_self(void *ctx, void *dst, size_t size, __u64 address)
{
	/* A pipe copies what can be read, and refuses what cannot. */
	static __thread int ends[2];
	ssize_t n;

	if (!ends[1] && pipe(ends))
		return -1;
	n = syscall(SYS_write, ends[1], address, size); /* not write(), whose argument a sanitizer would look at */
	if (n > 0 && read(ends[0], dst, n) != n)
		return -1;
	return n == (ssize_t)size ? 0 : -1;
}

static void walk_from(__u64 pc, __u64 sp, __u64 bp, __u64 bx, __u32 limit)
{
	static const struct walk_memory memory = { .read = read_self };
	const struct native_walk from = { .pc = pc, .sp = sp, .bp = bp, .bx = bx, .limit = limit };

	walk_memory = &memory;
	host_walk(&from);
}

/* Walked from `here` on, which is in our caller, the stack is that of backtrace() from our caller's caller on. */
static __attribute__((noinline)) void check_walk(const ucontext_t *here)
{
	void *theirs[64];
	int count, match = -1;

	walk_from(here->uc_mcontext.gregs[REG_RIP], here->uc_mcontext.gregs[REG_RSP], here->uc_mcontext.gregs[REG_RBP],
		  here->uc_mcontext.gregs[REG_RBX], 100);
	count = backtrace(theirs, 64);
	assert_int_equal(host_scratch.native.error, SCRY_WALK_OK);
	assert_true(count > 3 && count < 64);
	for (int i = 0; i < count && match < 0; i++)
		if ((__u64)theirs[i] - 1 == host_address(&host_scratch.frames[1]))
			match = i;
	assert_true(match >= 0);
	assert_int_equal(count - match, (int)host_scratch.native.count - 1);
	for (int i = match; i < count; i++) {
		__u64 ours = host_address(&host_scratch.frames[1 + i - match]);

		/* Behind a signal's frame stands the instruction itself, which backtrace() does not tell apart. */
		assert_true(ours == (__u64)theirs[i] - 1 || ours == (__u64)theirs[i]);
	}
}

static __attribute__((noinline)) void check_against_backtrace(void)
{
	ucontext_t here;

	getcontext(&here);
	check_walk(&here);
	__asm__ volatile("" : : "r"(&here) : "memory"); /* no tail call: this frame stays */
}

static int compare(const void *a, const void *b)
{
	check_against_backtrace();
	return 0;
}

static void a_stack_is_that_of_backtrace(void **state)
{
	int numbers[2] = { 1, 2 };

	check_against_backtrace();
	qsort(numbers, 2, sizeof(*numbers), compare);
}

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
	check_against_backtrace();
	handled++;
}

static void a_signal_is_walked_through(void **state)
{
	static char room[1 << 18];
	stack_t other = { .ss_sp = room, .ss_size = sizeof(room) };
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	sigaltstack(&other, NULL);
	action.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	assert_int_equal(handled, 2);
}

static void *in_thread(void *ctx)
{
	check_against_backtrace();
	return NULL;
}

static void a_thread_ends_where_it_was_made(void **state)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, in_thread, NULL), 0);
	pthread_join(thread, NULL);
}

static void more_frames_than_wanted_are_cut(void **state)
{
	ucontext_t here;

	getcontext(&here);
	walk_from(here.uc_mcontext.gregs[REG_RIP], here.uc_mcontext.gregs[REG_RSP], here.uc_mcontext.gregs[REG_RBP],
		  here.uc_mcontext.gregs[REG_RBX], 2);
	assert_int_equal(host_scratch.native.error, SCRY_WALK_TRUNCATED);
	assert_int_equal(host_scratch.native.count, 2);
}

/* Code made at run time: frame pointers lead on, as long as they lead outwards and into known memory. */
static void code_without_a_file_is_left_by_frame_pointers(void **state)
{
	char *made = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 stack[16] = { 0 };
	ucontext_t here;

	assert_true(made != MAP_FAILED);
	assert_int_equal(host_look(getpid()), 0);
	getcontext(&here);
	stack[4] = (__u64)&stack[8];	   /* saved rbp */
	stack[5] = (__u64)made + 100;	   /* in it too */
	stack[8] = 0;
	stack[9] = 0x1234; /* nowhere */
	walk_from((__u64)made + 10, (__u64)&stack[0], (__u64)&stack[4], 0, 100);
	assert_int_equal(host_scratch.native.count, 3);
	assert_int_equal(host_scratch.native.error, SCRY_WALK_NATIVE_UNMAPPED);
	assert_int_equal(host_address(&host_scratch.frames[0]), (__u64)made + 10);
	assert_int_equal(host_address(&host_scratch.frames[1]), (__u64)made + 99);
	stack[4] = (__u64)&stack[2]; /* inwards */
	walk_from((__u64)made + 10, (__u64)&stack[0], (__u64)&stack[4], 0, 100);
	assert_int_equal(host_scratch.native.error, SCRY_WALK_NATIVE_STUCK);
	assert_int_equal(host_scratch.native.count, 2);
	walk_from((__u64)made + 10, 0x1000, 0x2000, 0, 100);
	assert_int_equal(host_scratch.native.error, SCRY_WALK_NATIVE_FAULT);
	munmap(made, 4096);
}

static void memory_that_is_gone_is_an_error(void **state)
{
	ucontext_t here;

	getcontext(&here);
	walk_from(here.uc_mcontext.gregs[REG_RIP], 0x1000, 0x2000, 0, 100);
	assert_int_equal(host_scratch.native.error, SCRY_WALK_NATIVE_FAULT);
	walk_from(0, here.uc_mcontext.gregs[REG_RSP], 0, 0, 100);
	assert_int_equal(host_scratch.native.error, SCRY_WALK_NATIVE_NO_RULE);
	walk_from(~0ull, here.uc_mcontext.gregs[REG_RSP], 0, 0, 100);
	assert_int_equal(host_scratch.native.error, SCRY_WALK_NATIVE_UNMAPPED);
}

/* Any registers end somewhere, and nothing outside the tables is touched. */
static void any_registers_end_the_walk(void **state)
{
	static __u64 words[4096];
	ucontext_t here;

	getcontext(&here);
	srandom(1);
	for (int round = 0; round < 2000; round++) {
		__u64 pc = 0;

		for (size_t i = 0; i < 4096; i++)
			words[i] = random() & 1 ? (long long)(__u64)&words[random() & 4095] :
						  here.uc_mcontext.gregs[REG_RIP] + (random() & 0xfffff) - 0x80000;
		while (!pc) {
			const struct native_mapping *map = &host_parts[0].mapping[random() & 15];

			if (map->start < NATIVE_NOWHERE)
				pc = map->start + random() % (map->end - map->start);
		}
		walk_from(pc, (__u64)&words[random() & 4095] | (random() & 7), (__u64)&words[random() & 4095],
			  (__u64)&words[random() & 4095], 1000);
		assert_true(host_scratch.native.count <= 1000);
	}
}

/* Code written by hand: its CFA is in rax while it calls what keeps rax. One call is known to, and only a frame is one. */
static void takes_a_register_that_the_innermost_function_kept(void **state)
{
	const struct native_rule rule = { .kind = NATIVE_RULE_REGISTER, .reg = 0, .cfa = 8, .ra = NATIVE_AT_STACK };
	struct native_walk n = { .sp = 0x1000, .reg = { 0x1100 }, .inner = 1 };
	__u64 cfa = 0;

	assert_false(native_return(&n, 0x1008, 0x400000));
	assert_int_equal(native_cfa(&n, &rule, &cfa), 0);
	assert_int_equal(cfa, 0x1108);
	n.reg[0] = 0xf00;
	assert_int_equal(native_cfa(&n, &rule, &cfa), SCRY_WALK_NATIVE_RULE);
	n.reg[0] = n.sp + NATIVE_KEPT_FRAME;
	assert_int_equal(native_cfa(&n, &rule, &cfa), SCRY_WALK_NATIVE_RULE);
	n.reg[0] = 0x1100;
	assert_false(native_return(&n, 0x1010, 0x400000));
	assert_int_equal(native_cfa(&n, &rule, &cfa), SCRY_WALK_NATIVE_RULE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_register_that_the_innermost_function_kept),
		cmocka_unit_test(a_stack_is_that_of_backtrace),
		cmocka_unit_test(a_signal_is_walked_through),
		cmocka_unit_test(a_thread_ends_where_it_was_made),
		cmocka_unit_test(more_frames_than_wanted_are_cut),
		cmocka_unit_test(code_without_a_file_is_left_by_frame_pointers),
		cmocka_unit_test(memory_that_is_gone_is_an_error),
		cmocka_unit_test(any_registers_end_the_walk),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
