// SPDX-License-Identifier: GPL-2.0-only
/* Frames of native code and of the kernel, as they are found again in a capture. */
#include "native_files.h"
#include "capture_text.h"

#include "profiler/native_frames.h"

static struct test_file file;
static struct native_frames *frames;
static char map_path[64];

static int build(void **state)
{
	if (native_folder_open(state))
		return -1;
	write_file("chain.c", "volatile int sink;\n"
			      "static inline __attribute__((always_inline)) void leaf(int n)\n{\n	sink += n;\n}\n"
			      "void outer(int n)\n{\n	leaf(n);\n}\n");
	sh("gcc -O2 -g -shared -fPIC -o libchain.so chain.c");
	return 0;
}

static int setup(void **state)
{
	test_open(&file);
	return native_frames_create(file.w, &frames);
}

/* "name file line@at" of each frame of a row. */
static const char *row_text(const struct profile *p, const uint32_t *row, unsigned count)
{
	static char text[1024];

	text[0] = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct profile_frame *frame = &p->frames.item[row[i]];
		const struct profile_function *function = &p->functions.item[frame->function];
		const char *path = profile_text(p, function->file), *slash = strrchr(path, '/');

		assert_int_equal(function->kind, strstr(path, "[kernel]") ? CAPTURE_KERNEL : CAPTURE_NATIVE);
		sprintf(text + strlen(text), "%s%s %s %d@%d", i ? "; " : "", profile_text(p, function->name),
			slash ? slash + 1 : path, function->line, frame->line);
	}
	return text;
}

static void names_binaries_with_what_is_inlined(void **state)
{
	struct native_symbols *plain = open_symbols("libchain.so", false), *lines = open_symbols("libchain.so", true);
	uint64_t start = symbol_in("libchain.so", "outer").address, size = symbol_in("libchain.so", "outer").size;
	uint32_t kept[64][4], whole, unnamed;
	struct native_row row;
	struct profile *p;
	bool inlined = false;

	assert_true(size < 64);
	row = native_frames_binary(frames, 1, plain, "/lib/libchain.so", start);
	assert_int_equal(row.count, 1);
	whole = row.frames[0];
	assert_int_equal(native_frames_binary(frames, 1, plain, "/lib/libchain.so", start).frames[0], whole);
	for (uint64_t i = 0; i < size; i++) {
		row = native_frames_binary(frames, 2, lines, "/lib/libchain.so", start + i);
		assert_in_range(row.count, 1, 2);
		kept[i][0] = row.count;
		memcpy(&kept[i][1], row.frames, row.count * sizeof(*row.frames));
	}
	row = native_frames_binary(frames, 3, NULL, "/opt/lost.bin", 0x123);
	assert_int_equal(row.count, 1);
	unnamed = row.frames[0];
	native_symbols_close(plain);
	native_symbols_close(lines);
	native_frames_destroy(frames);
	p = test_close(&file, 1000);
	assert_string_equal(row_text(p, &whole, 1), "outer libchain.so 0@0");
	assert_string_equal(row_text(p, &unnamed, 1), "[lost.bin+0x123] lost.bin 0@0");
	for (uint64_t i = 0; i < size; i++)
		inlined |= !strcmp(row_text(p, &kept[i][1], kept[i][0]), "leaf chain.c 2@4; outer chain.c 6@8");
	assert_true(inlined);
	profile_destroy(p);
}

/* The map of a process that writes one while it is looked at. */
static void names_code_made_at_run_time(void **state)
{
	uint32_t before, after, other;
	struct profile *p;
	FILE *map;

	snprintf(map_path, sizeof(map_path), "/tmp/perf-%d.map", getpid());
	unlink(map_path);
	before = native_frames_made(frames, getpid(), 0x5000).frames[0];
	map = fopen(map_path, "w");
	assert_non_null(map);
	fputs("5000 100 py::f:/app/x.py\n", map);
	fclose(map);
	/* It is not looked for at once again; but in what may be another process of that number it is. */
	assert_int_equal(native_frames_made(frames, getpid(), 0x5001).frames[0], before);
	native_frames_forget(frames, getpid());
	after = native_frames_made(frames, getpid(), 0x5001).frames[0];
	other = native_frames_made(frames, getpid(), 0x6000).frames[0];
	assert_int_equal(native_frames_made(frames, 0x3fffffff, 0x5001).frames[0], before);
	native_frames_forget(frames, 1);
	native_frames_destroy(frames);
	unlink(map_path);
	assert_int_equal(other, before);
	p = test_close(&file, 1000);
	assert_string_equal(row_text(p, &before, 1), "[unknown]  0@0");
	assert_string_equal(row_text(p, &after, 1), "py::f:/app/x.py [jit] 0@0");
	profile_destroy(p);
}

static void names_the_kernel_s_code(void **state)
{
	struct native_row row = native_frames_kernel(frames, 0x10);
	uint32_t frame = row.frames[0];
	struct profile *p;

	assert_int_equal(row.count, 1);
	assert_int_equal(native_frames_kernel(frames, 0x10).frames[0], frame);
	native_frames_destroy(frames);
	p = test_close(&file, 1000);
	assert_string_equal(row_text(p, &frame, 1), "[0x10] [kernel] 0@0");
	profile_destroy(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(names_binaries_with_what_is_inlined, setup),
		cmocka_unit_test_setup(names_code_made_at_run_time, setup),
		cmocka_unit_test_setup(names_the_kernel_s_code, setup),
	};

	return cmocka_run_group_tests(tests, build, native_folder_remove);
}
