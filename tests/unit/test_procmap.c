// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "profiler/procmap.h"
#include "profiler/remote.h"

static struct procmaps parse(const char *text)
{
	struct procmaps maps;
	char *copy = strdup(text);

	assert_int_equal(procmaps_parse(copy, &maps), 0);
	free(copy);
	return maps;
}

static void mappings_of_files_are_kept(void **state)
{
	struct procmaps maps =
		parse("00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/dbus daemon\n"
		      "7ffd4000-7ffd5000 rw-p 00000000 00:00 0           [stack]\n"
		      "7f000000-7f001000 rw-p 00000000 00:00 0 \n"
		      "7fff0000-7fff1000 r--s 00000000 fe:100 7           /x\n");

	assert_int_equal(maps.count, 2);
	assert_int_equal(maps.maps[0].start, 0x400000);
	assert_int_equal(maps.maps[0].end, 0x452000);
	assert_int_equal(maps.maps[0].offset, 0x1000);
	assert_int_equal(maps.maps[0].inode, 173521);
	assert_int_equal(maps.maps[0].major, 8);
	assert_int_equal(maps.maps[0].minor, 2);
	assert_true(maps.maps[0].executable);
	assert_string_equal(maps.maps[0].path, "/usr/bin/dbus daemon");
	assert_false(maps.maps[1].executable);
	assert_int_equal(maps.maps[1].minor, 0x100);
	procmaps_deinit(&maps);
}

static void odd_paths_are_decoded(void **state)
{
	struct procmaps maps = parse("1000-2000 r-xp 0 08:02 1 /a\\012b\\013 (deleted)\n"
				     "2000-3000 r-xp 0 08:02 1 / (deleted) (deleted)\n");

	assert_int_equal(maps.count, 2);
	assert_string_equal(maps.maps[0].path, "/a\nb\\013");
	assert_true(maps.maps[0].deleted);
	assert_string_equal(maps.maps[1].path, "/ (deleted)");
	procmaps_deinit(&maps);
}

static void broken_lines_are_left_out(void **state)
{
	struct procmaps maps =
		parse("2000-1000 r-xp 0 08:02 1 /backwards\nr-xp\n\n1000-2000 r-xp 0 08:02 x /x\n"
		      "1000-2000 r-xp 0 08:02 1\n1000-2000 r-xp 0 08:02 1 /a");

	assert_int_equal(maps.count, 1);
	assert_string_equal(maps.maps[0].path, "/a");
	procmaps_deinit(&maps);
}

/* Map a file of our own, remove its name, and open it by its mapping. */
static void a_deleted_file_is_opened_by_its_mapping(void **state)
{
	char path[] = "/tmp/scry-procmap-XXXXXX", text[8] = "";
	int fd = mkstemp(path), opened = -1;
	struct procmaps maps;
	void *at;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "content", 7), 7);
	at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(at != MAP_FAILED);
	unlink(path);
	close(fd);
	assert_int_equal(procmaps_read(getpid(), &maps), 0);
	for (size_t i = 0; i < maps.count; i++)
		if (maps.maps[i].start == (uintptr_t)at) {
			assert_true(maps.maps[i].deleted);
			assert_string_equal(maps.maps[i].path, path);
			opened = procmap_open(getpid(), &maps.maps[i]);
		}
	procmaps_deinit(&maps);
	munmap(at, 4096);
	if (opened == -EPERM ||
	    opened == -ENOENT) /* an ordinary user may not, and the name is gone */
		skip();
	assert_true(opened >= 0);
	assert_int_equal(read(opened, text, 7), 7);
	assert_string_equal(text, "content");
	close(opened);
}

static void the_executable_is_opened(void **state)
{
	struct stat a, b;
	int fd = procmap_open_exe(getpid());

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(stat("/proc/self/exe", &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_true(procmap_device(getpid(), fd) != 0);
	if (major(a.st_dev))
		assert_int_equal(procmap_device(getpid(), fd),
				 (uint64_t)major(a.st_dev) << 20 | minor(a.st_dev));
	close(fd);
}

static void no_process_is_said_to_be_none(void **state)
{
	struct procmaps maps;
	char byte;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	assert_int_equal(procmaps_read(pid, &maps), -ESRCH);
	assert_int_equal(procmap_open_exe(pid), -ESRCH);
	assert_int_equal(remote_read(pid, 4096, &byte, 1), -ESRCH);
}

/* ---- remote ---- */

static void memory_is_read_whole_or_not(void **state)
{
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     got[16];

	assert_true(two != MAP_FAILED);
	memset(two, 'x', 8192);
	munmap(two + 4096, 4096);
	assert_int_equal(remote_read(getpid(), (uintptr_t)two + 4080, got, 16), 0);
	assert_memory_equal(got, "xxxxxxxxxxxxxxxx", 16);
	assert_int_equal(remote_read(getpid(), (uintptr_t)two + 4088, got, 16), -EFAULT);
	assert_int_equal(remote_read(getpid(), 0, got, 1), -EFAULT);
	munmap(two, 4096);
}

static void every_piece_is_marked(void **state)
{
	enum { COUNT = 1500 };
	static struct remote_piece pieces[COUNT];
	static uint64_t source[COUNT], got[COUNT];

	for (int i = 0; i < COUNT; i++) {
		source[i] = i * 3;
		pieces[i] = (struct remote_piece){ .address = (uintptr_t)&source[i],
						   .dst = &got[i],
						   .size = 8 };
		if (i % 100 == 0 || (i > 700 && i < 720))
			pieces[i].address = 8;
	}
	remote_read_pieces(getpid(), pieces, COUNT);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(pieces[i].read, pieces[i].address != 8);
		if (pieces[i].read)
			assert_int_equal(got[i], i * 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings_of_files_are_kept),
		cmocka_unit_test(odd_paths_are_decoded),
		cmocka_unit_test(broken_lines_are_left_out),
		cmocka_unit_test(a_deleted_file_is_opened_by_its_mapping),
		cmocka_unit_test(the_executable_is_opened),
		cmocka_unit_test(no_process_is_said_to_be_none),
		cmocka_unit_test(memory_is_read_whole_or_not),
		cmocka_unit_test(every_piece_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
