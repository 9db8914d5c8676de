// SPDX-License-Identifier: GPL-2.0-only
/* Names of native code, of files compiled here, whose every address is known. */
#include "native_files.h"

#include <dlfcn.h>
#include <elf.h>
#include <lzma.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "runtimes/native/debug_file.h"
#include "runtimes/native/root.h"

static const char sample_c[] =
	"#include <stdlib.h>\n"
	"int counter;\n"
	"static __attribute__((noinline, noclone)) int hidden(int n) { counter += n; return n * 3; }\n"
	"int sample_work(int n) { return hidden(n) + hidden(n + 1); }\n"
	"int __sample_read(int n) { counter += 2; return n; }\n"
	"int sample_read(int n) __attribute__((weak, alias(\"__sample_read\")));\n"
	"void *sample_make(size_t n) { counter++; void *p = malloc(n); free(calloc(n, 2)); return p; }\n"
	"static int pick_one(int n) { return n; }\n"
	"static void *choose(void) { return pick_one; }\n"
	"int sample_pick(int n) __attribute__((ifunc(\"choose\")));\n"
	"int sample_pick_caller(int n) { return sample_pick(n) + 1; }\n"
	"__asm__(\".text\\n .globl unsized\\n .type unsized,@function\\n unsized:\\n nop\\n nop\\n ret\\n\"\n"
	"        \".globl sized\\n .type sized,@function\\n sized:\\n nop\\n within:\\n nop\\n ret\\n .size sized, . - sized\\n\"\n"
	"        \".globl behind\\n .type behind,@function\\n behind:\\n ret\\n .size behind, . - behind\\n nop\\n nop\\n\");\n";

static int build(void **state)
{
	if (native_folder_open(state))
		return -1;
	write_file("sample.c", sample_c);
	sh("gcc -O1 -g -shared -fPIC -Wl,--build-id=sha1 -Wl,-z,lazy -o libsample.so sample.c");
	sh("strip -o libstripped.so libsample.so");
	return 0;
}

static void assert_named(struct native_symbols *symbols, uint64_t address, const char *name)
{
	assert_string_equal(find(symbols, address)->name, name);
}

static void names_every_address_of_a_function(void **state)
{
	static const char *const names[] = { "hidden", "sample_work", "sample_make", "sized", "behind" };
	struct native_symbols *symbols = open_symbols("libsample.so", false);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct elf_symbol symbol = symbol_in("libsample.so", names[i]);

		assert_true(symbol.size > 0);
		for (uint64_t at = 0; at < symbol.size; at++)
			assert_named(symbols, symbol.address + at, names[i]);
	}
	assert_string_equal(find(symbols, symbol_in("libsample.so", "hidden").address)->text, "hidden|libsample.so:0@0");
	native_symbols_close(symbols);
}

static void prefers_the_name_that_people_know(void **state)
{
	struct native_symbols *symbols = open_symbols("libsample.so", false);

	assert_named(symbols, symbol_in("libsample.so", "__sample_read").address, "sample_read");
	native_symbols_close(symbols);
}

static void a_name_without_a_size_ends_at_the_next(void **state)
{
	struct native_symbols *symbols = open_symbols("libsample.so", false);
	struct elf_symbol unsized = symbol_in("libsample.so", "unsized"), sized = symbol_in("libsample.so", "sized");
	struct elf_symbol behind = symbol_in("libsample.so", "behind");
	char hole[64];

	assert_int_equal(sized.address - unsized.address, 3);
	assert_named(symbols, unsized.address, "unsized");
	assert_named(symbols, unsized.address + 2, "unsized");
	snprintf(hole, sizeof(hole), "[libsample.so+0x%llx]", behind.address + 1);
	assert_named(symbols, behind.address + 1, hole);
	native_symbols_close(symbols);
}

static void stubs_are_named_by_what_they_call(void **state)
{
	struct native_symbols *symbols = open_symbols("libstripped.so", false);
	char line[256], name[128];
	unsigned long long address;
	unsigned stubs = 0;
	FILE *said;

	sh("objdump -d -j .plt -j .plt.got libsample.so >stubs 2>/dev/null; objdump -d -j .plt.sec libsample.so >>stubs 2>/dev/null; :");
	said = fopen(path_of("stubs"), "r");
	while (fgets(line, sizeof(line), said)) {
		/* *ABS*: a stub of the file's own function, which objdump does not name. */
		if (sscanf(line, "%llx <%127[^>*+-]>:", &address, name) != 2 || !strstr(line, "@plt>:"))
			continue;
		assert_named(symbols, address, name);
		assert_named(symbols, address + 7, name);
		stubs++;
	}
	fclose(said);
	assert_true(stubs >= 3); /* malloc, calloc, free */
	native_symbols_close(symbols);
}

static void an_unnamed_function_is_told_by_its_beginning(void **state)
{
	struct native_symbols *symbols = open_symbols("libstripped.so", false);
	struct elf_symbol hidden = symbol_in("libsample.so", "hidden");
	char name[64];

	snprintf(name, sizeof(name), "[libstripped.so+0x%llx]", hidden.address);
	for (uint64_t at = 0; at < hidden.size; at++)
		assert_named(symbols, hidden.address + at, name);
	assert_named(symbols, symbol_in("libsample.so", "sample_work").address + 1, "sample_work");
	snprintf(name, sizeof(name), "[libstripped.so+0x%llx]", 1ull << 40);
	assert_named(symbols, 1ull << 40, name);
	native_symbols_close(symbols);
}

/* The debug file that a root has for a file; NULL: none. */
static struct elf *debug_of(const char *name, const char *path, const char *root)
{
	struct elf *elf = open_elf(name), *debug = NULL;
	int fd = open(path_of(root), O_PATH | O_CLOEXEC);

	assert_true(fd >= 0);
	debug_file_open(elf, path, fd, &debug);
	close(fd);
	elf_close(elf);
	return debug;
}

static void finds_debug_files_by_build_id(void **state)
{
	struct elf_symbol symbol;
	struct elf *debug;
	unsigned char id[20];
	struct elf *elf = open_elf("libstripped.so");
	__u64 at;
	char hex[41], folder[128];

	assert_int_equal(elf_build_id(elf, id, sizeof(id), &at), 20);
	elf_close(elf);
	for (int i = 0; i < 20; i++)
		sprintf(hex + 2 * i, "%02x", id[i]);
	snprintf(folder, sizeof(folder), "box/usr/lib/debug/.build-id/%.2s", hex);
	sh("mkdir -p %s && objcopy --only-keep-debug libsample.so %s/real", folder, folder);
	/* A link that leaves the box leads back into it. */
	sh("ln -s /usr/lib/debug/.build-id/%.2s/real %s/%s.debug", hex, folder, hex + 2);
	debug = debug_of("libstripped.so", "/usr/lib/libstripped.so", "box");
	assert_non_null(debug);
	assert_int_equal(elf_symbol(debug, "hidden", &symbol), 0);
	assert_int_equal(symbol.address, symbol_in("libsample.so", "hidden").address);
	elf_close(debug);

	/* Another build's under that name, a FIFO (which must not be waited for), a folder. */
	sh("gcc -O2 -g -shared -fPIC -Wl,--build-id=sha1 -o %s/real sample.c", folder);
	assert_null(debug_of("libstripped.so", "/usr/lib/libstripped.so", "box"));
	sh("rm %s/real && mkfifo %s/real", folder, folder);
	assert_null(debug_of("libstripped.so", "/usr/lib/libstripped.so", "box"));
	sh("rm %s/real && mkdir %s/real", folder, folder);
	assert_null(debug_of("libstripped.so", "/usr/lib/libstripped.so", "box"));
	sh("rm -r %s/real && ln -s %s.debug %s/real", folder, hex + 2, folder);
	assert_null(debug_of("libstripped.so", "/usr/lib/libstripped.so", "box"));
}

static void finds_debug_files_by_link(void **state)
{
	struct native_symbols *symbols;
	struct elf_symbol hidden;
	char unnamed[64];

	sh("gcc -O1 -g -shared -fPIC -Wl,--build-id=none -o libplain.so sample.c && mkdir -p .debug");
	sh("objcopy --only-keep-debug libplain.so .debug/plain.debug && strip -o liblinked.so libplain.so");
	sh("objcopy --add-gnu-debuglink=.debug/plain.debug liblinked.so");
	hidden = symbol_in("libplain.so", "hidden");
	symbols = open_symbols("liblinked.so", false);
	assert_named(symbols, hidden.address + 1, "hidden");
	native_symbols_close(symbols);

	/* One whose checksum differs is another one. */
	sh("printf x >>.debug/plain.debug");
	symbols = open_symbols("liblinked.so", false);
	snprintf(unnamed, sizeof(unnamed), "[liblinked.so+0x%llx]", hidden.address);
	assert_named(symbols, hidden.address + 1, unnamed);
	native_symbols_close(symbols);

	/* Links that lead to the file itself, and out of the folder. */
	sh("cp liblinked.so libself.so && cp liblinked.so libself.tmp && objcopy -R .gnu_debuglink libself.so");
	sh("objcopy --add-gnu-debuglink=libself.so libself.so && ln -sf ../libself.so .debug/libself.so");
	symbols = open_symbols("libself.so", false);
	snprintf(unnamed, sizeof(unnamed), "[libself.so+0x%llx]", hidden.address);
	assert_named(symbols, hidden.address + 1, unnamed);
	native_symbols_close(symbols);
}

/* What `xz` makes of a file, without needing it. */
static void compress(const char *from, const char *to, size_t zeros)
{
	struct elf *elf = open_elf(from);
	size_t size = elf_size(elf) + zeros, used = 0, bound = lzma_stream_buffer_bound(size);
	unsigned char *plain = calloc(1, size), *packed = malloc(bound);
	FILE *f = fopen(path_of(to), "w");

	assert_int_equal(elf_pread(elf, 0, plain, elf_size(elf)), 0);
	assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, plain, size, packed, &used, bound), LZMA_OK);
	assert_int_equal(fwrite(packed, 1, used, f), used);
	fclose(f);
	free(plain);
	free(packed);
	elf_close(elf);
}

static void reads_the_small_table_inside_a_stripped_file(void **state)
{
	struct elf_symbol hidden = symbol_in("libsample.so", "hidden");
	struct native_symbols *symbols;
	char unnamed[64];

	sh("objcopy --only-keep-debug libsample.so mini && strip --strip-debug mini");
	compress("mini", "mini.xz", 0);
	sh("objcopy --add-section .gnu_debugdata=mini.xz libstripped.so libmini.so");
	symbols = open_symbols("libmini.so", false);
	assert_named(symbols, hidden.address, "hidden");
	native_symbols_close(symbols);

	/* A hundred kilobytes that stand for more than is taken. */
	compress("mini", "mini.xz", 65u << 20);
	sh("objcopy --add-section .gnu_debugdata=mini.xz libstripped.so libmini.so");
	symbols = open_symbols("libmini.so", false);
	snprintf(unnamed, sizeof(unnamed), "[libmini.so+0x%llx]", hidden.address);
	assert_named(symbols, hidden.address, unnamed);
	native_symbols_close(symbols);
}

/* One name of several at an address, as nm has them, must be ours. */
static unsigned compare_with_nm(const char *path, const char *option)
{
	struct native_symbols *symbols;
	unsigned long long address, at = ~0ull;
	char line[4200], type, name[4096], ours[sizeof(((struct found *)0)->name)] = "";
	bool met = true;
	unsigned compared = 0;
	struct elf *elf;
	__u64 offset;
	FILE *nm;

	sh("cp -L %s self && nm -n --defined-only %s self >names", path, option);
	symbols = open_symbols("self", false);
	elf = open_elf("self");
	nm = fopen(path_of("names"), "r");
	while (fgets(line, sizeof(line), nm)) {
		if (sscanf(line, "%llx %c %4095s", &address, &type, name) != 3 || !strchr("tTwW", type) ||
		    elf_offset(elf, address, PF_X, &offset)) /* thread-local data has such letters too */
			continue;
		if (address != at) {
			if (!met)
				fail_msg("at %llx is no %s", at, ours);
			at = address;
			strcpy(ours, find(symbols, address)->name);
			compared++;
			met = false;
		}
		name[strcspn(name, "@")] = 0;
		met |= !strcmp(ours, name) || !strncmp(name, "_Z", 2) || !strncmp(name, "__odr_asan", 10);
	}
	fclose(nm);
	elf_close(elf);
	native_symbols_close(symbols);
	return compared;
}

static void agrees_with_nm(void **state)
{
	char self[64];
	Dl_info libc;

	snprintf(self, sizeof(self), "/proc/%d/exe", getpid());
	assert_true(compare_with_nm(self, "") > 100);
	assert_true(dladdr(malloc, &libc));
	assert_true(compare_with_nm(libc.dli_fname, "-D") > 1000 || strstr(libc.dli_fname, "san"));
}

static void names_of_cxx_are_as_they_were_written(void **state)
{
	struct native_symbols *symbols;
	struct elf_symbol symbol;

	write_file("shapes.cc", "namespace shapes {\n"
				"template <typename T> struct Square { T side; T area(int) const; };\n"
				"template <typename T> T Square<T>::area(int n) const { return side * side + n; }\n"
				"template struct Square<int>;\n"
				"int operator+(const Square<int> &a, int b) { return a.side + b; }\n"
				"}\n");
	sh("g++ -O1 -shared -fPIC -o libshapes.so shapes.cc");
	symbols = open_symbols("libshapes.so", false);
	symbol = symbol_in("libshapes.so", "_ZNK6shapes6SquareIiE4areaEi");
	assert_named(symbols, symbol.address + 1, "shapes::Square<int>::area");
	symbol = symbol_in("libshapes.so", "_ZN6shapesplERKNS_6SquareIiEEi");
	assert_named(symbols, symbol.address, "shapes::operator+");
	native_symbols_close(symbols);
}

static void what_is_no_elf_file_is_refused(void **state)
{
	struct native_symbols *symbols = NULL;

	assert_int_equal(native_symbols_open(open("/dev/null", O_RDONLY), "/dev/null", 0, false, &symbols), -ENOEXEC);
	assert_int_equal(native_symbols_open(open(path_of("sample.c"), O_RDONLY), "x", 0, false, &symbols), -ENOEXEC);
	assert_null(symbols);
}

/* More files than may wait open: those that came too late have been read, and have their names. */
static void many_binaries_need_few_descriptors(void **state)
{
	enum { MANY = 400 };
	struct native_symbols *symbols[MANY];
	uint64_t address = symbol_in("libsample.so", "sample_work").address;
	size_t before = native_symbols_cost().bytes;
	struct rlimit limit;
	int fd;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 1024;
	setrlimit(RLIMIT_NOFILE, &limit);

	for (int i = 0; i < MANY; i++)
		symbols[i] = open_symbols("libsample.so", false);
	fd = open("/dev/null", O_RDONLY);
	assert_true(fd >= 0 && fd < 300);
	close(fd);
	for (int i = 0; i < MANY; i++)
		assert_named(symbols[i], address, "sample_work");
	assert_true(native_symbols_cost().bytes > before);
	for (int i = 0; i < MANY; i++)
		native_symbols_close(symbols[i]);
	assert_int_equal(native_symbols_cost().bytes, before);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_every_address_of_a_function),
		cmocka_unit_test(prefers_the_name_that_people_know),
		cmocka_unit_test(a_name_without_a_size_ends_at_the_next),
		cmocka_unit_test(stubs_are_named_by_what_they_call),
		cmocka_unit_test(an_unnamed_function_is_told_by_its_beginning),
		cmocka_unit_test(finds_debug_files_by_build_id),
		cmocka_unit_test(finds_debug_files_by_link),
		cmocka_unit_test(reads_the_small_table_inside_a_stripped_file),
		cmocka_unit_test(agrees_with_nm),
		cmocka_unit_test(names_of_cxx_are_as_they_were_written),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(many_binaries_need_few_descriptors),
	};

	return cmocka_run_group_tests(tests, build, native_folder_remove);
}
