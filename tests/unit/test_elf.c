// SPDX-License-Identifier: GPL-2.0-only
/* ELF files: this program's own, which knows the answers, and files that lie. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "profiler/elf.h"
#include "profiler/procmap.h"

int elf_test_function(int i);
int elf_test_function(int i)
{
	return i + 1;
}

/* Pointers, so that the file needs relocations; and a text that is found in it. */
extern int (*const elf_test_table[2])(int);
int (*const elf_test_table[2])(int) = { elf_test_function, elf_test_function };
extern const char elf_test_text[];
const char elf_test_text[] = "a text in .rodata";
static __thread volatile int thread_local = 7;

static struct elf *open_path(const char *path)
{
	struct elf *elf = NULL;

	assert_int_equal(elf_open(open(path, O_RDONLY | O_CLOEXEC), &elf), 0);
	return elf;
}

static struct elf_symbol symbol_of(const struct elf *elf, const char *name)
{
	struct elf_symbol symbol;

	assert_int_equal(elf_symbol(elf, name, &symbol), 0);
	return symbol;
}

/* The bias of this program, told by its mappings. */
static __u64 own_bias(const struct elf *elf)
{
	struct procmaps maps;
	struct elf_range code;
	__u64 bias = 1;
	struct stat st;

	assert_int_equal(stat("/proc/self/exe", &st), 0);
	assert_int_equal(procmaps_read(getpid(), &maps), 0);
	assert_int_equal(elf_code(elf, &code), 0);
	for (size_t i = 0; i < maps.count && bias; i++)
		if (maps.maps[i].executable && maps.maps[i].inode == st.st_ino)
			if (!elf_code_bias(&code, maps.maps[i].start, maps.maps[i].offset, &bias))
				break;
	procmaps_deinit(&maps);
	return bias;
}

static void symbols_are_where_the_process_has_them(void **state)
{
	struct elf *elf = open_path("/proc/self/exe");
	struct elf_symbol symbol = symbol_of(elf, "elf_test_function");
	__u64 bias = own_bias(elf), offset;

	assert_int_equal(symbol.address + bias, (uintptr_t)elf_test_function);
	assert_int_equal(symbol.type, STT_FUNC);
	assert_false(elf_is_stripped(elf));
	assert_true(elf_is_program(elf));
	assert_int_equal(elf_symbol(elf, "elf_test_functio", &symbol), -ENOENT);
	assert_int_equal(elf_export(elf, "malloc", &symbol), -ENOENT); /* used, not defined here */
	symbol = symbol_of(elf, "elf_test_function");
	assert_int_equal(elf_offset(elf, symbol.address, PF_X, &offset), 0);
	assert_int_equal(elf_offset(elf, symbol.address, PF_X | PF_W, &offset), -EFAULT);
	elf_close(elf);
}

static void data_is_read_by_address(void **state)
{
	struct elf *elf = open_path("/proc/self/exe");
	struct elf_symbol symbol = symbol_of(elf, "elf_test_text");
	char text[sizeof(elf_test_text)];
	__u64 offset;

	assert_int_equal(elf_read(elf, symbol.address, text, sizeof(text)), 0);
	assert_string_equal(text, elf_test_text);
	assert_int_equal(elf_offset(elf, symbol.address, PF_R, &offset), 0);
	assert_int_equal(elf_pread(elf, offset, text, sizeof(text)), 0);
	assert_string_equal(text, elf_test_text);
	assert_int_equal(elf_read(elf, 1ull << 60, text, 1), -EFAULT);
	assert_int_equal(elf_pread(elf, 1ull << 60, text, 1), -EFAULT);
	elf_close(elf);
}

static void a_pointer_is_what_it_will_be_when_loaded(void **state)
{
	struct elf *elf = open_path("/proc/self/exe");
	__u64 value, function = symbol_of(elf, "elf_test_function").address;
	struct elf_symbol table = symbol_of(elf, "elf_test_table");

	assert_int_equal(elf_pointer(elf, table.address + 8, &value), 0);
	assert_int_equal(value, function);
	elf_close(elf);
}

static void the_dynamic_linker_s_list_is_found(void **state)
{
	struct elf *elf = open_path("/proc/self/exe");
	__u64 bias = own_bias(elf), slot, value;
	struct r_debug *debug;

	assert_int_equal(elf_dynamic(elf) + bias, (uintptr_t)_DYNAMIC);
	assert_int_equal(elf_dynamic_entry(elf, DT_DEBUG, &slot, &value), 0);
	debug = *(struct r_debug **)(uintptr_t)(slot + bias);
	assert_int_equal(debug->r_map->l_addr, bias);
	assert_ptr_equal(debug->r_map->l_ld, _DYNAMIC);
	assert_int_equal(elf_dynamic_entry(elf, 0x12345, &slot, &value), -ENOENT);
	elf_close(elf);
}

static void the_kernel_starts_code_where_we_say(void **state)
{
	struct elf *elf = open_path("/proc/self/exe");
	unsigned long long start_code = 0;
	struct elf_range code;
	char text[4096] = "";
	int fd = open("/proc/self/stat", O_RDONLY);

	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	/* proc(5): startcode is field 26, 24 after the name */
	assert_int_equal(sscanf(strrchr(text, ')') + 2,
				"%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
				"%*s %*s %*s %*s %*s %*s "
				"%*s %llu",
				&start_code),
			 1);
	assert_int_equal(elf_code(elf, &code), 0);
	assert_int_equal(code.address + own_bias(elf), start_code);
	elf_close(elf);
}

static void thread_local_size_is_rounded_up(void **state)
{
	struct elf *elf = open_path("/proc/self/exe");
	__u64 size = elf_tls_size(elf);

	assert_int_equal(thread_local, 7);
	assert_true(size >= sizeof(thread_local) && size < 65536);
	elf_close(elf);
}

/* ---- small files ---- */

static struct elf *open_tiny(const char *name)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 100);

	assert_true(n > 0);
	path[n] = 0;
	strcpy(strstr(path, "/unit/") + 1, "tiny/");
	strcat(path, name);
	return open_path(path);
}

static int check_marker(void *ctx, const struct elf_marker *marker)
{
	assert_int_equal(marker->address, 0x1234);
	assert_int_equal(marker->semaphore, 0x5678);
	assert_string_equal(marker->provider, "python");
	assert_string_equal(marker->name, "gc__start");
	assert_string_equal(marker->args, "-4@%eax");
	++*(int *)ctx;
	return 5;
}

static void markers_are_read(void **state)
{
	struct elf *elf = open_tiny("new.so");
	int count = 0;

	assert_int_equal(elf_markers(elf, check_marker, &count), 5);
	assert_int_equal(count, 1);
	elf_close(elf);
	elf = open_path("/proc/self/exe");
	assert_int_equal(elf_markers(elf, check_marker, &count), -ENOENT);
	elf_close(elf);
}

static void a_build_id_has_an_address(void **state)
{
	struct elf *elf = open_tiny("new.so");
	unsigned char id[20], loaded[20];
	__u64 address;

	assert_int_equal(elf_build_id(elf, id, sizeof(id), &address), 20);
	assert_int_equal(elf_read(elf, address, loaded, sizeof(loaded)), 0);
	assert_memory_equal(id, loaded, 20);
	assert_true(elf_is_stripped(elf));
	assert_false(elf_is_fixed(elf));
	elf_close(elf);
}

static void a_fixed_program_is_told_from_a_library(void **state)
{
	struct elf *program = open_tiny("static"), *library = open_tiny("new.so");

	assert_true(elf_is_fixed(program) && elf_is_program(program));
	assert_false(elf_is_fixed(library) || elf_is_program(library));
	elf_close(program);
	elf_close(library);
}

/* ---- files that lie ---- */

static int open_bytes(const void *bytes, size_t size, struct elf **ret)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	return elf_open(fd, ret);
}

static void what_is_no_elf_file_is_refused(void **state)
{
	struct elf *elf = NULL;
	Elf64_Ehdr header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB,
					   EV_CURRENT } };

	assert_int_equal(open_bytes("", 0, &elf), -ENOEXEC);
	assert_int_equal(open_bytes("#!/bin/sh\n", 10, &elf), -ENOEXEC);
	assert_int_equal(open_bytes(&header, sizeof(header), &elf), -ENOEXEC);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] = ELFDATA2MSB;
	assert_int_equal(open_bytes(&header, sizeof(header), &elf), -ENOEXEC);
	assert_int_equal(elf_open(open("/dev/zero", O_RDONLY), &elf), -ENOEXEC);
	assert_int_equal(elf_open(open("/", O_RDONLY), &elf), -ENOEXEC);
}

static int ignore_marker(void *ctx, const struct elf_marker *marker)
{
	return !marker->name;
}

/* Ask everything; any answer will do. */
static void ask_all(const void *bytes, size_t size)
{
	struct elf_relocation relocation;
	struct elf_symbol symbol = { 0 };
	struct elf_range range;
	unsigned char id[20];
	struct elf *elf;
	__u64 a, b;

	if (open_bytes(bytes, size, &elf))
		return;
	elf_symbol(elf, "_PyRuntime", &symbol);
	elf_section(elf, ".rodata", &range);
	elf_markers(elf, ignore_marker, NULL);
	elf_build_id(elf, id, sizeof(id), &a);
	elf_dynamic_entry(elf, DT_DEBUG, &a, &b);
	elf_relocation(elf, symbol.address, &relocation);
	elf_pointer(elf, symbol.address, &a);
	elf_tls_size(elf);
	if (!elf_code(elf, &range))
		elf_read(elf, range.address, id, sizeof(id));
	elf_close(elf);
}

static size_t read_tiny(unsigned char *bytes, size_t size)
{
	struct elf *elf = open_tiny("new.so");
	size_t n = 0;

	while (n < size && !elf_pread(elf, n, bytes + n, 1))
		n++;
	elf_close(elf);
	return n;
}

static void a_file_cut_anywhere_is_harmless(void **state)
{
	static unsigned char bytes[16384];
	size_t size = read_tiny(bytes, sizeof(bytes));

	assert_true(size > 2048 && size < sizeof(bytes));
	for (size_t n = 0; n < size; n += 7)
		ask_all(bytes, n);
}

static void any_byte_may_lie(void **state)
{
	static unsigned char bytes[16384];
	size_t size = read_tiny(bytes, sizeof(bytes));

	for (size_t n = 16; n < size; n += 3) {
		unsigned char old = bytes[n];

		bytes[n] = 0xff;
		ask_all(bytes, size);
		bytes[n] = old + 1;
		ask_all(bytes, size);
		bytes[n] = old;
	}
}

static void a_file_that_shrinks_costs_an_error(void **state)
{
	static unsigned char bytes[16384];
	size_t size = read_tiny(bytes, sizeof(bytes));
	int fd = memfd_create("elf", MFD_CLOEXEC), again = dup(fd);
	struct elf_symbol symbol;
	struct elf *elf;

	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(elf_open(fd, &elf), 0);
	assert_int_equal(ftruncate(again, 64), 0);
	assert_int_equal(elf_symbol(elf, "_PyRuntime", &symbol), -ENOENT);
	elf_close(elf);
	close(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols_are_where_the_process_has_them),
		cmocka_unit_test(data_is_read_by_address),
		cmocka_unit_test(a_pointer_is_what_it_will_be_when_loaded),
		cmocka_unit_test(the_dynamic_linker_s_list_is_found),
		cmocka_unit_test(the_kernel_starts_code_where_we_say),
		cmocka_unit_test(thread_local_size_is_rounded_up),
		cmocka_unit_test(markers_are_read),
		cmocka_unit_test(a_build_id_has_an_address),
		cmocka_unit_test(a_fixed_program_is_told_from_a_library),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(a_file_cut_anywhere_is_harmless),
		cmocka_unit_test(any_byte_may_lie),
		cmocka_unit_test(a_file_that_shrinks_costs_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
