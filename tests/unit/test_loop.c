// SPDX-License-Identifier: GPL-2.0-only
/* Waiting for records, the clock and signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include <sys/wait.h>
#include <unistd.h>

#include "profiler/loop.h"

static struct loop loop;
static int records[2];

static int setup(void **state)
{
	return pipe(records) || loop_init(&loop, records[0], 10);
}

static int teardown(void **state)
{
	loop_deinit(&loop);
	close(records[0]);
	close(records[1]);
	return 0;
}

static void comes_by_at_each_period(void **state)
{
	uint64_t start = loop_now();

	for (int i = 0; i < 5; i++)
		loop_wait(&loop, true);
	assert_in_range(loop_now() - start, 30 * 1000000ull, 5000 * 1000000ull);
	assert_false(loop.stop);
	assert_false(loop.child);
}

static void only_looks_where_it_must_not_sleep(void **state)
{
	struct loop slow;
	uint64_t start = loop_now();

	assert_int_equal(loop_init(&slow, records[0], 60000), 0);
	for (int i = 0; i < 100; i++)
		loop_wait(&slow, false);
	assert_true(loop_now() - start < 30 * 1000000000ull);
	loop_deinit(&slow);
}

static void wakes_when_records_wait(void **state)
{
	struct loop slow;
	uint64_t start = loop_now();

	assert_int_equal(loop_init(&slow, records[0], 60000), 0);
	assert_int_equal(write(records[1], "x", 1), 1);
	loop_wait(&slow, true);
	assert_true(loop_now() - start < 30 * 1000000000ull);
	loop_deinit(&slow);
}

static void takes_a_signal_as_an_event(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < 3; i++) {
		loop.stop = false;
		kill(getpid(), signals[i]);
		while (!loop.stop)
			loop_wait(&loop, true);
		assert_int_equal(loop.stop_signal, signals[i]);
		assert_false(loop.from_terminal);
	}
}

static void sees_a_child_end(void **state)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	while (!loop.child)
		loop_wait(&loop, true);
	assert_false(loop.stop);
	waitpid(pid, NULL, 0);
}

/* As after nohup; the other signals end a recording even where a shell without job control ignores them for it. */
static void does_not_stop_at_a_hangup_that_is_ignored(void **state)
{
	struct loop own;

	loop_deinit(&loop);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	assert_int_equal(loop_init(&own, records[0], 10), 0);
	kill(getpid(), SIGHUP);
	for (int i = 0; i < 3; i++)
		loop_wait(&own, true);
	assert_false(own.stop);
	kill(getpid(), SIGINT);
	while (!own.stop)
		loop_wait(&own, true);
	loop_deinit(&own);
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	assert_int_equal(loop_init(&loop, records[0], 10), 0);
}

static void signals_act_as_before_when_it_is_over(void **state)
{
	sigset_t now;

	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &now), 0);
	assert_true(sigismember(&now, SIGINT));
	loop_deinit(&loop);
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &now), 0);
	assert_false(sigismember(&now, SIGINT));
	assert_int_equal(loop_init(&loop, records[0], 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(comes_by_at_each_period, setup, teardown),
		cmocka_unit_test_setup_teardown(only_looks_where_it_must_not_sleep, setup, teardown),
		cmocka_unit_test_setup_teardown(wakes_when_records_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_a_signal_as_an_event, setup, teardown),
		cmocka_unit_test_setup_teardown(sees_a_child_end, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_stop_at_a_hangup_that_is_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(signals_act_as_before_when_it_is_over, setup, teardown),
	};

	signal(SIGHUP, SIG_DFL); /* whatever runs the tests may ignore it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
