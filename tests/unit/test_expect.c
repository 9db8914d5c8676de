// SPDX-License-Identifier: GPL-2.0-only
/* Which files a command will run, in a folder of its own as PATH. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "profiler/base/cleanup.h"
#include "profiler/expect.h"

static char folder[] = "/tmp/test_expect.XXXXXX";
static const char *const files[] = { "prog", "script", "by-env", "loop", "empty", "bare", "plain" };

static void put(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, text, folder);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int begin(void **state)
{
	char path[128];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "/nowhere:%s", folder);
	setenv("PATH", path, 1);
	put("prog", "\177ELF", 0755);
	put("script", "#! %s/prog -x\nprint(1)\n", 0755);
	put("by-env", "#!/usr/bin/env -S A=1 prog\n", 0755);
	put("loop", "#!%s/loop\n", 0755);
	put("empty", "", 0755);
	put("bare", "#!", 0755);
	put("plain", "text", 0644);
	return 0;
}

static int end(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	return rmdir(folder);
}

/* expected: a name in the folder; NULL: nothing is found */
static void check(const char *name, const char *expected)
{
	char *found = expect_program(name), path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, expected ?: "");
	if (expected)
		assert_string_equal(found, path);
	else
		assert_null(found);
	free(found);
}

static void names_are_searched_in_path(void **state)
{
	check("prog", "prog");
	check("empty", "empty");
	check("plain", NULL);
	check("no such program", NULL);
}

static void paths_are_taken_as_they_are(void **state)
{
	char *found = expect_program("./no/such");

	assert_string_equal(found, "./no/such");
	free(found);
}

static void scripts_lead_to_their_program(void **state)
{
	check("script", "prog");
	check("by-env", "prog");
}

static void scripts_without_end_or_program_end(void **state)
{
	check("loop", "loop");
	check("bare", "bare");
}

static bool is_libc(const char *name)
{
	return !strncmp(name, "libc.so", 7);
}

static bool never(const char *name)
{
	return false;
}

static void libraries_are_found_as_the_linker_does(void **state)
{
	char *found = expect_library("", "/proc/self/exe", is_libc);

	assert_non_null(found);
	assert_non_null(strstr(found, "/libc.so"));
	assert_int_equal(access(found, R_OK), 0);
	free(found);
	assert_null(expect_library("", "/proc/self/exe", never));
	assert_null(expect_library("", "/etc/passwd", is_libc));
	assert_null(expect_library("", "/no/such", is_libc));
}

/* Seen through a process: the same files. */
static void what_a_process_runs_is_found(void **state)
{
	char *found = expect_running(getpid()), *real = realpath("/proc/self/exe", NULL), *here, *there;

	assert_non_null(found);
	assert_string_equal(found, real);
	here = expect_library("", real, is_libc);
	there = expect_library("/proc/self/root", found, is_libc);
	assert_non_null(there);
	assert_string_equal(here, there);
	free(here);
	free(there);
	free(found);
	free(real);
	assert_null(expect_running(0));
	assert_null(expect_running(2)); /* a thread of the kernel, or nobody */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_process_runs_is_found),
		cmocka_unit_test(names_are_searched_in_path),
		cmocka_unit_test(paths_are_taken_as_they_are),
		cmocka_unit_test(scripts_lead_to_their_program),
		cmocka_unit_test(scripts_without_end_or_program_end),
		cmocka_unit_test(libraries_are_found_as_the_linker_does),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
