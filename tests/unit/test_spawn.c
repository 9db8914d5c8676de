// SPDX-License-Identifier: GPL-2.0-only
/* Commands that scry starts: held at the gate, run, given up, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// clang-format off
#include <cmocka.h>
// clang-format on
#undef fail

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "caught.h"
#include "profiler/spawn.h"

static void shell(const char *script, char **argv)
{
	argv[0] = "sh";
	argv[1] = "-c";
	argv[2] = (char *)script;
	argv[3] = NULL;
}

static int status_of(const char *script)
{
	struct spawn child = { .gate = -1, .broken = -1 };
	char *argv[4];

	shell(script, argv);
	assert_int_equal(spawn_prepare(argv, &child), 0);
	assert_int_equal(spawn_release(&child, "sh"), 0);
	assert_true(spawn_reap(&child, true));
	assert_true(child.ended);
	return child.status;
}

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void passes_the_exit_status_on(void **state)
{
	assert_int_equal(status_of("exit 0"), 0);
	assert_int_equal(status_of("exit 42"), 42);
	assert_int_equal(status_of("kill -9 $$"), 128 + 9);
}

static void runs_nothing_before_it_is_released(void **state)
{
	struct spawn child = { .gate = -1, .broken = -1 };
	int ends[2];
	char *argv[4], byte;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], 9), 9);
	shell("echo x >&9", argv);
	assert_int_equal(spawn_prepare(argv, &child), 0);
	close(9);
	close(ends[1]);
	usleep(20000);
	assert_false(spawn_reap(&child, false));
	spawn_abandon(&child);
	assert_true(child.ended);
	assert_int_equal(read(ends[0], &byte, 1), 0); /* never written to */
	close(ends[0]);
}

static void says_why_a_command_cannot_run(void **state)
{
	char *argv[] = { "/nonexistent/command", NULL };
	struct spawn child = { .gate = -1, .broken = -1 };
	int before = open_files();
	const char *text;

	assert_int_equal(spawn_prepare(argv, &child), 0);
	caught_begin();
	assert_int_equal(spawn_release(&child, argv[0]), -ENOENT);
	text = caught_end();
	assert_non_null(strstr(text, "/nonexistent/command: No such file or directory"));
	assert_true(child.ended);
	assert_int_equal(open_files(), before);
}

/* As started by a program that ignores SIGCHLD: the kernel would keep no status. */
static void knows_the_status_where_sigchld_was_ignored(void **state)
{
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(status_of("exit 7"), 7);
	signal(SIGCHLD, SIG_DFL);
}

static void ends_even_if_another_has_waited_for_it(void **state)
{
	struct spawn child = { .gate = -1, .broken = -1 };
	char *argv[4];

	shell("exit 3", argv);
	assert_int_equal(spawn_prepare(argv, &child), 0);
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(spawn_release(&child, "sh"), 0);
	assert_true(spawn_reap(&child, true));
	assert_int_equal(child.status, 1);
	signal(SIGCHLD, SIG_DFL);
}

static void nothing_to_give_up_is_nothing(void **state)
{
	struct spawn none = { .gate = -1, .broken = -1 };

	spawn_abandon(&none);
	assert_true(spawn_reap(&none, true));
	assert_int_equal(none.status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_the_exit_status_on),
		cmocka_unit_test(runs_nothing_before_it_is_released),
		cmocka_unit_test(says_why_a_command_cannot_run),
		cmocka_unit_test(knows_the_status_where_sigchld_was_ignored),
		cmocka_unit_test(ends_even_if_another_has_waited_for_it),
		cmocka_unit_test(nothing_to_give_up_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
