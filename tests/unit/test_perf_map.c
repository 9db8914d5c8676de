// SPDX-License-Identifier: GPL-2.0-only
#include "native_files.h"

#include "runtimes/native/perf_map.h"
#include "runtimes/native/root.h"

static void append(const char *text)
{
	FILE *f = fopen(path_of("perf-1.map"), "a");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct perf_map *open_map(int *root)
{
	struct perf_map *map;

	*root = open(native_folder, O_PATH | O_CLOEXEC);
	unlink(path_of("perf-1.map"));
	assert_int_equal(perf_map_open_at(*root, "/perf-1.map", &map), 0);
	return map;
}

static void assert_at(struct perf_map *map, uint64_t address, const char *name)
{
	const char *found = perf_map_find(map, address);

	if (!name)
		assert_null(found);
	else if (!found)
		fail_msg("%s is not found", name);
	else
		assert_string_equal(found, name);
}

static void reads_what_is_written_while_it_runs(void **state)
{
	int root;
	struct perf_map *map = open_map(&root);

	assert_at(map, 0x1000, NULL);
	append("1000 10 py::f:/app/x.py\n2000 8 stub with blanks\n30");
	assert_int_equal(perf_map_generation(map), 0);
	assert_at(map, 0x1000, "py::f:/app/x.py");
	assert_at(map, 0x100f, "py::f:/app/x.py");
	assert_at(map, 0x1010, NULL);
	assert_at(map, 0xfff, NULL);
	assert_at(map, 0x2007, "stub with blanks");
	assert_at(map, 0x3000, NULL);
	assert_int_equal(perf_map_generation(map), 1);
	append("00 4 late\n");
	assert_at(map, 0x3003, "late");
	/* The place of f is used again, in part. */
	append("1008 20 g\n");
	assert_at(map, 0x1007, "py::f:/app/x.py");
	assert_at(map, 0x1008, "g");
	assert_int_equal(perf_map_generation(map), 3);
	perf_map_close(map);
	close(root);
}

static void lines_that_are_none_are_left_out(void **state)
{
	int root;
	struct perf_map *map = open_map(&root);

	append("\nx 10 a\n10 zz b\n20 10\n30 10 \n40 0 c\nffffffffffffffff 10 d\n1ffffffffffffffff 1 e\n 50 10 f\n-60 10 g\n60 8 last\n");
	for (uint64_t at = 0; at < 0x60; at++)
		assert_at(map, at, NULL);
	assert_at(map, ~0ull, NULL);
	assert_at(map, 0x60, "last");
	perf_map_close(map);
	close(root);
}

static void begins_anew_with_a_shorter_file(void **state)
{
	int root;
	struct perf_map *map = open_map(&root);

	append("1000 10 a\n2000 10 b\n");
	assert_at(map, 0x2000, "b");
	assert_int_equal(truncate(path_of("perf-1.map"), 0), 0);
	append("3000 10 c\n");
	assert_at(map, 0x3000, "c");
	assert_at(map, 0x2000, NULL);
	perf_map_close(map);
	close(root);
}

/* More than are looked at one by one; later ones lie over earlier ones, in a pattern that a plain search checks. */
static void of_many_entries_the_last_stands(void **state)
{
	enum { COUNT = 20000, PLACES = 50000 };
	static int last[PLACES];
	unsigned seed = 7;
	int root;
	struct perf_map *map = open_map(&root);

	memset(last, -1, sizeof(last));
	for (int round = 0; round < 4; round++) {
		FILE *f = fopen(path_of("perf-1.map"), "a");

		for (int i = 0; i < COUNT / 4; i++) {
			unsigned start, size;

			seed = seed * 1664525 + 1013904223;
			start = (seed >> 8) % (PLACES - 40);
			size = 1 + (seed >> 3) % 40;
			fprintf(f, "%x %x n%d\n", start, size, round * (COUNT / 4) + i);
			for (unsigned at = start; at < start + size; at++)
				last[at] = round * (COUNT / 4) + i;
		}
		fclose(f);
		for (int at = 0; at < PLACES; at += 7) {
			char name[16];

			snprintf(name, sizeof(name), "n%d", last[at]);
			assert_at(map, at, last[at] < 0 ? NULL : name);
		}
	}
	perf_map_close(map);
	close(root);
}

/* In another process's files the name may be anything. */
static void only_a_file_is_opened(void **state)
{
	int root;
	struct perf_map *map = open_map(&root);

	assert_int_equal(mkfifo(path_of("perf-1.map"), 0600), 0);
	assert_at(map, 1, NULL);
	unlink(path_of("perf-1.map"));
	assert_int_equal(symlink("/dev/zero", path_of("perf-1.map")), 0);
	assert_at(map, 1, NULL);
	unlink(path_of("perf-1.map"));
	/* Links stay below the root. */
	write_file("real.map", "10 10 real\n");
	assert_int_equal(symlink("/real.map", path_of("perf-1.map")), 0);
	assert_at(map, 0x10, "real");
	perf_map_close(map);
	close(root);
}

/* The numbers of processes come again: what an earlier one left is none of this one's. */
static void only_a_file_of_the_process_is_read(void **state)
{
	struct timespec times[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
	struct perf_map *map;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("10 10 here\n", f);
	fclose(f);
	assert_int_equal(perf_map_open(getpid(), &map), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_at(map, 0x10, NULL);
	assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0), 0);
	assert_at(map, 0x10, "here");
	perf_map_close(map);
	if (!geteuid() && !chown(path, 4711, 4711)) {
		assert_int_equal(perf_map_open(getpid(), &map), 0);
		assert_at(map, 0x10, NULL);
		perf_map_close(map);
	}
	unlink(path);
}

static void a_process_without_a_map_has_no_names(void **state)
{
	struct perf_map *map;

	assert_int_equal(perf_map_open(getpid(), &map), 0);
	assert_at(map, (uintptr_t)a_process_without_a_map_has_no_names, NULL);
	perf_map_close(map);
	assert_int_equal(perf_map_open(0x3fffffff, &map), -ESRCH);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_written_while_it_runs),
		cmocka_unit_test(lines_that_are_none_are_left_out),
		cmocka_unit_test(begins_anew_with_a_shorter_file),
		cmocka_unit_test(of_many_entries_the_last_stands),
		cmocka_unit_test(only_a_file_is_opened),
		cmocka_unit_test(only_a_file_of_the_process_is_read),
		cmocka_unit_test(a_process_without_a_map_has_no_names),
	};

	return cmocka_run_group_tests(tests, native_folder_open, native_folder_remove);
}
