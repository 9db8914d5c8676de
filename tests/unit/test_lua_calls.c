// SPDX-License-Identifier: GPL-2.0-only
/* Places of calls in real builds of Lua, and in builds whose code has been changed at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "runtimes/lua/calls.h"
#include "runtimes/lua/lua.h"
#include "runtimes/python/sites.h"
#include "runtimes/x86.h"

static const char *const builds[] = { "/usr/bin/lua5.1", "/usr/bin/lua5.2", "/usr/bin/lua5.3", "/usr/bin/lua5.4" };

/* A copy of the file, of which the caller may change bytes through *bytes. -1: there is no such file. */
static int copy_of(const char *path, unsigned char **bytes, size_t *size)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("lua", MFD_CLOEXEC);
	struct stat st;

	*bytes = NULL;
	if (from < 0 || to < 0 || fstat(from, &st) || ftruncate(to, st.st_size)) {
		close(from);
		close(to);
		return -1;
	}
	*size = st.st_size;
	*bytes = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);
	assert_true(*bytes != MAP_FAILED);
	assert_int_equal(pread(from, *bytes, *size, 0), *size);
	close(from);
	return to;
}

/* Look, and check that what is found can be probed. */
static int find(int fd, unsigned release, struct lua_calls *calls)
{
	const struct lua_row *row = lua_row(release);
	struct python_code code = { 0 };
	char why[160] = "";
	struct elf *elf;
	int err;

	assert_non_null(row);
	if (elf_open(dup(fd), &elf))
		return -ENOEXEC;
	err = lua_calls_find(elf, release, &row->layout, calls, why, sizeof(why));
	assert_true(err ? err == -ENOTSUP && *why : calls->count && calls->count <= LUA_MAX_CALL_PLACES);
	if (!err)
		assert_int_equal(python_code_read(elf, &code), 0);
	for (unsigned i = 0; !err && i < calls->count; i++) {
		__u64 at = calls->places[i].address - code.address;
		struct x86_insn insn;

		assert_true(at < code.size);
		assert_true(x86_decode(code.bytes + at, code.size - at, calls->places[i].address, &insn));
		if (release >> 8 == LUA_VERSION(5, 4) && release < LUA_RELEASE(5, 4, 2))
			continue; /* stores among them */
		if (calls->places[i].site == RUNTIME_SITE_lua_called || calls->places[i].site == RUNTIME_SITE_lua_return)
			assert_true(x86_is_emulated(&insn));
	}
	python_code_deinit(&code);
	elf_close(elf);
	return err;
}

static unsigned release_of(int fd)
{
	struct elf *elf;
	unsigned release;

	assert_int_equal(elf_open(dup(fd), &elf), 0);
	release = lua_release_of(elf);
	elf_close(elf);
	return release;
}

static void finds_the_places_of_each_build(void **state)
{
	unsigned found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		unsigned sites[RUNTIME_SITE_COUNT] = { 0 };
		struct lua_calls calls;
		unsigned char *bytes;
		size_t size;
		int fd = copy_of(builds[i], &bytes, &size);

		if (fd < 0)
			continue;
		assert_int_equal(find(fd, release_of(fd), &calls), 0);
		for (unsigned k = 0; k < calls.count; k++)
			sites[calls.places[k].site]++;
		assert_int_equal(sites[RUNTIME_SITE_lua_execute], 1);
		assert_int_equal(sites[RUNTIME_SITE_lua_called], 1);
		assert_int_equal(sites[RUNTIME_SITE_lua_tail_called], 1);
		assert_in_range(sites[RUNTIME_SITE_lua_return], 1, 4);
		assert_int_equal(sites[RUNTIME_SITE_lua_throw], 1);
		munmap(bytes, size);
		close(fd);
		found++;
	}
	if (!found)
		skip();
}

static void survives_code_that_was_changed(void **state)
{
	srand(5);
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		struct lua_calls calls;
		unsigned char *bytes;
		size_t size;
		int fd = copy_of(builds[i], &bytes, &size);
		unsigned release = fd < 0 ? 0 : release_of(fd);

		for (int round = 0; fd >= 0 && round < 200; round++) {
			for (int k = 0; k < 1 << round % 8; k++)
				bytes[64 + (size_t)rand() % (size - 64)] ^= 1 << rand() % 8;
			find(fd, release, &calls);
		}
		if (fd >= 0)
			munmap(bytes, size);
		close(fd);
	}
}

/* Another release makes calls in another way, whatever a file may say that it is. */
static void refuses_code_of_another_release(void **state)
{
	static const unsigned others[] = { LUA_RELEASE(5, 4, 0), LUA_RELEASE(5, 4, 1), LUA_RELEASE(5, 4, 2), LUA_RELEASE(5, 4, 3) };
	struct lua_calls calls;
	unsigned char *bytes;
	size_t size;
	int fd = copy_of("/usr/bin/lua5.4", &bytes, &size);

	if (fd < 0 || release_of(fd) < LUA_RELEASE(5, 4, 4)) {
		close(fd);
		skip();
	}
	srand(6);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_int_equal(find(fd, others[i], &calls), -ENOTSUP);
	for (int round = 0; round < 100; round++) {
		bytes[64 + (size_t)rand() % (size - 64)] ^= 1 << rand() % 8;
		find(fd, others[round % ARRAY_SIZE(others)], &calls);
	}
	munmap(bytes, size);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_places_of_each_build),
		cmocka_unit_test(survives_code_that_was_changed),
		cmocka_unit_test(refuses_code_of_another_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
