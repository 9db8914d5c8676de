// SPDX-License-Identifier: GPL-2.0-only
/* Source lines and inlined functions, compared with what addr2line says of the same addresses. */
#include "native_files.h"

/* Line 1 is the first of this text. */
static const char chain_c[] =
	"volatile int sink;\n"
	"static inline __attribute__((always_inline)) void leaf(int n)\n"
	"{\n"
	"	sink += n * 7;\n"
	"}\n"
	"static inline __attribute__((always_inline)) void middle(int n)\n"
	"{\n"
	"	sink ^= 3;\n"
	"	leaf(n + 1);\n"
	"}\n"
	"void outer(int n)\n"
	"{\n"
	"	sink = 1;\n"
	"	middle(n);\n"
	"	for (int i = 0; i < n; i++)\n"
	"		leaf(i);\n"
	"}\n";

static int build(void **state)
{
	if (native_folder_open(state))
		return -1;
	write_file("chain.c", chain_c);
	sh("gcc -O2 -g -shared -fPIC -o libchain.so chain.c");
	return 0;
}

static const char *tool = "addr2line";

enum { MOST = 512 }; /* bytes of a function */

/* "name@line" for each function that addr2line tells of at each address of a function, the innermost first. */
static void addr2line(const char *file, const struct elf_symbol *of, char (*texts)[256])
{
	char line[1024], place[1024];
	int at = -1;
	FILE *said;

	write_file("addresses", "");
	said = fopen(path_of("addresses"), "w");
	for (uint64_t i = 0; i < of->size; i++)
		fprintf(said, "0x%llx\n", of->address + i);
	fclose(said);
	sh("%s -a -f -i -e %s <addresses >lines", tool, file);
	said = fopen(path_of("lines"), "r");
	while (fgets(line, sizeof(line), said)) {
		if (!strncmp(line, "0x", 2)) {
			assert_true(++at < (int)of->size);
			*texts[at] = 0;
			continue;
		}
		line[strcspn(line, "\n")] = 0;
		assert_true(at >= 0 && fgets(place, sizeof(place), said));
		sprintf(texts[at] + strlen(texts[at]), "%s%s@%d", *texts[at] ? " " : "", line,
			atoi(strchr(strrchr(place, '/') ?: place, ':') + 1));
	}
	fclose(said);
	assert_int_equal(at + 1, of->size);
}

static void put_short(void *ctx, const struct native_function *function)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%s%s@%d", *text ? " " : "", function->name, function->at);
}

static unsigned compare(const char *file, const char *symbol)
{
	static char theirs[MOST][256];
	struct elf_symbol at = symbol_in(file, symbol);
	struct native_symbols *symbols = open_symbols(file, true);
	unsigned inlined = 0;

	assert_in_range(at.size, 1, MOST);
	addr2line(file, &at, theirs);
	for (uint64_t i = 0; i < at.size; i++) {
		char ours[4096] = "";

		native_symbols_find(symbols, at.address + i, put_short, ours);
		assert_string_equal(ours, theirs[i]);
		inlined += !!strchr(ours, ' ');
	}
	native_symbols_close(symbols);
	return inlined;
}

static void agrees_with_addr2line(void **state)
{
	assert_true(compare("libchain.so", "outer") > 10);
	sh("gcc -O2 -gdwarf-4 -shared -fPIC -o libchain4.so chain.c");
	assert_true(compare("libchain4.so", "outer") > 10);
	/* Packed sections are unpacked by libdw. */
	sh("objcopy --compress-debug-sections=zlib libchain.so libpacked.so");
	assert_true(compare("libpacked.so", "outer") > 10);
}

/* clang writes no .debug_aranges; what it writes for DWARF 5 binutils 2.40 does not read. */
static void agrees_with_llvm_about_clang_s_code(void **state)
{
	if (system("command -v clang llvm-addr2line >/dev/null 2>&1")) {
		print_message("no clang, or no llvm-addr2line\n");
		skip();
	}
	tool = "llvm-addr2line";
	sh("clang -O2 -g -shared -fPIC -o libother.so chain.c");
	assert_true(compare("libother.so", "outer") > 10);
	tool = "addr2line";
}

static void the_debug_file_tells_too(void **state)
{
	sh("objcopy --only-keep-debug libchain.so chain.debug && cp libchain.so libsplit.so && strip -g libsplit.so");
	sh("objcopy --add-gnu-debuglink=chain.debug libsplit.so");
	assert_true(compare("libchain.so", "outer") > 10);
	{
		struct native_symbols *symbols = open_symbols("libsplit.so", true);
		uint64_t start = symbol_in("libsplit.so", "outer").address, size = symbol_in("libsplit.so", "outer").size;
		bool found = false;

		for (uint64_t at = 0; at < size; at++) {
			const struct found *f = find(symbols, start + at);

			if (!f->count || !strstr(f->text, "leaf|chain.c:2@4 middle|chain.c:6@9 outer|chain.c:11@14"))
				continue;
			assert_int_equal(f->count, 3);
			found = true;
		}
		assert_true(found);
		native_symbols_close(symbols);
	}
}

/* Without it, or without asking for it, there is the symbol alone. */
static void functions_without_lines_stand_alone(void **state)
{
	uint64_t address = symbol_in("libchain.so", "outer").address;
	struct native_symbols *symbols = open_symbols("libchain.so", false);

	assert_string_equal(find(symbols, address)->text, "outer|libchain.so:0@0");
	native_symbols_close(symbols);
	sh("cp libchain.so libnone.so && strip -g libnone.so");
	symbols = open_symbols("libnone.so", true);
	assert_string_equal(find(symbols, address)->text, "outer|libnone.so:0@0");
	native_symbols_close(symbols);
}

static void cxx_has_its_whole_name(void **state)
{
	struct native_symbols *symbols;
	struct elf_symbol symbol;
	bool found = false;

	write_file("deep.cc", "namespace deep { struct Box { int n;\n"
			      "	__attribute__((always_inline)) inline int grow(int by) const { return n * by + 3; } };\n"
			      "int use(const Box &b, int k) { volatile int r = b.grow(k); return r; } }\n");
	sh("g++ -O2 -g -shared -fPIC -o libdeep.so deep.cc");
	symbols = open_symbols("libdeep.so", true);
	symbol = symbol_in("libdeep.so", "_ZN4deep3useERKNS_3BoxEi");
	for (uint64_t at = 0; at < symbol.size; at++)
		found |= !strcmp(find(symbols, symbol.address + at)->text, "deep::Box::grow|deep.cc:2@2 deep::use|deep.cc:3@3");
	assert_true(found);
	native_symbols_close(symbols);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_addr2line),
		cmocka_unit_test(agrees_with_llvm_about_clang_s_code),
		cmocka_unit_test(the_debug_file_tells_too),
		cmocka_unit_test(functions_without_lines_stand_alone),
		cmocka_unit_test(cxx_has_its_whole_name),
	};

	return cmocka_run_group_tests(tests, build, native_folder_remove);
}
