// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the above */
#include <cmocka.h>

#include "runtimes/native/kernel_symbols.h"

static struct kernel_symbols *read_text(const char *text)
{
	FILE *from = fmemopen((void *)text, strlen(text), "r");
	struct kernel_symbols *symbols;

	assert_non_null(from);
	assert_int_equal(kernel_symbols_read(from, &symbols), 0);
	fclose(from);
	return symbols;
}

static void assert_at(struct kernel_symbols *symbols, uint64_t address, const char *name, const char *file)
{
	struct kernel_function function = kernel_symbols_find(symbols, address);

	assert_string_equal(function.name, name);
	assert_string_equal(function.file, file);
}

static void finds_functions_and_modules(void **state)
{
	struct kernel_symbols *symbols = read_text(
		"0000000000000000 A fixed_percpu_data\n"
		"ffffffff81000000 T _text\n"
		"ffffffff81000100 t __do_local\n"
		"ffffffff81000100 T do_thing\n"
		"ffffffff81000100 W weak_and_long_thing\n"
		"ffffffff81000200 D some_data\n"
		"ffffffff81000300 t tail\n"
		"ffffffffc0000000 t ext4_read\t[ext4]\n"
		"ffffffffc0000080 t bpf_prog_6deef7357e7b4530_x\t[bpf]\n"
		"nonsense\n\nffffffffc0000090\n");

	assert_at(symbols, 0xffffffff81000000, "_text", "[kernel]");
	assert_at(symbols, 0xffffffff810000ff, "_text", "[kernel]");
	assert_at(symbols, 0xffffffff81000100, "do_thing", "[kernel]");
	assert_at(symbols, 0xffffffff810002ff, "do_thing", "[kernel]");
	assert_at(symbols, 0xffffffff81000300, "tail", "[kernel]");
	assert_at(symbols, 0xffffffffc000007f, "ext4_read", "[ext4]");
	assert_at(symbols, 0xffffffffc0000090, "bpf_prog_6deef7357e7b4530_x", "[bpf]");
	assert_at(symbols, 0xffffffff80ffffff, "[0xffffffff80ffffff]", "[kernel]");
	assert_at(symbols, 0xffffffffc0100000, "[0xffffffffc0100000]", "[kernel]");
	kernel_symbols_close(symbols);
}

static void hidden_addresses_name_nothing(void **state)
{
	struct kernel_symbols *symbols = read_text("0000000000000000 T _text\n0000000000000000 T do_thing\n");

	assert_at(symbols, 0, "[0x0]", "[kernel]");
	assert_at(symbols, 0xffffffff81000000, "[0xffffffff81000000]", "[kernel]");
	kernel_symbols_close(symbols);
}

/* Each function of the running kernel whose address is not shared, where it may be read. */
static void knows_the_running_kernel(void **state)
{
	struct kernel_symbols *symbols;
	char line[1024], name[512], type;
	unsigned long long address, seen = 0;
	unsigned same = 0, all = 0;
	FILE *from = fopen("/proc/kallsyms", "r");

	if (!from || !fgets(line, sizeof(line), from) || kernel_symbols_open(&symbols)) {
		print_message("no /proc/kallsyms\n");
		skip();
	}
	while (fgets(line, sizeof(line), from) && all < 20000) {
		if (sscanf(line, "%llx %c %511s", &address, &type, name) != 3 || type != 'T' || !address)
			continue;
		all++;
		same += !strcmp(kernel_symbols_find(symbols, address).name, name);
		seen |= address;
	}
	if (seen)
		assert_true(same > all * 9 / 10);
	else
		assert_string_equal(kernel_symbols_find(symbols, 16).name, "[0x10]");
	fclose(from);
	kernel_symbols_close(symbols);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_functions_and_modules),
		cmocka_unit_test(hidden_addresses_name_nothing),
		cmocka_unit_test(knows_the_running_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
