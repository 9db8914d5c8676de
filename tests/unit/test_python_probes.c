// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places to probe, in the files of every interpreter that tests/interpreters lists: the dispatch table against symbols and
 * tables known before, each place against a disassembler. That they are hit when they should be: test_python_hits.c.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "profiler/elf.h"
#include "runtimes/python/collector.h"
#include "runtimes/python/cookie.h"
#include "runtimes/python/opcodes.h"
#include "runtimes/runtime.h"
#include "interpreters.h"

static struct interpreter interpreters[MAX_INTERPRETERS];
static int interpreter_count;

/* One interpreter's file. */
struct file {
	const struct interpreter *interpreter;
	const struct runtime_binary *binary;
	struct elf *elf;
	char path[64]; /* opens it, in this process's children too */
	struct elf_range code;
	struct python_opcodes opcodes;
	int failures;
};

static bool have_objdump(void)
{
	return !system("objdump --version >/dev/null 2>&1");
}

static void file_open(const struct interpreter *interpreter, struct file *ret)
{
	struct target target = { 0 };
	struct scry_exe_key key;
	struct scry_exe exe;
	char line[64], why[160] = "";
	__u64 bias;
	int fd;

	*ret = (struct file){ .interpreter = interpreter };
	if (target_start(interpreter, "import sys\nsys.stdout.write('up\\n')\nsys.stdout.flush()\nsys.stdin.read()\n",
			 &target) || !fgets(line, sizeof(line), target.out))
		fail_msg("%s does not run", interpreter->label);
	if (runtime_examine(target.pid, &ret->binary, &bias, &key, &exe, why, sizeof(why)))
		fail_msg("%s is not recognised: %s", interpreter->label, why);
	fd = runtime_binary_open(ret->binary, target.pid);
	target_stop(&target);
	assert_true(fd >= 0);
	snprintf(ret->path, sizeof(ret->path), "/proc/%d/fd/%d", getpid(), fd);
	assert_int_equal(elf_open(fd, &ret->elf), 0);
	assert_int_equal(elf_code(ret->elf, &ret->code), 0);
}

#define COMPLAIN(file, fmt, ...)                                                       \
	do {                                                                           \
		print_error("%s: " fmt "\n", (file)->interpreter->label, __VA_ARGS__); \
		(file)->failures++;                                                    \
	} while (0)

/* ---- the table ---- */

/* Tables found by an independent search (Python, by the same signature), by build id. */
static const struct {
	const char *build_id;
	__u64 address;
} known_tables[] = {
	{ "ef8bd0cc5b278b4c12fc27496b1c60522468aa9e", 0x19ce60 }, /* 2.7.18 */
	{ "6d853d1016a951ac13d69174b9a33ac9639c3a22", 0x275b40 }, /* 3.6.15 */
	{ "edcca1179f608e68bf531649c8046e6c3508c5f9", 0x2a49e0 }, /* 3.7.16 */
	{ "ff2a4988bea9e9bbbb8004eb6e74cc0792734c3b", 0x316dc0 }, /* 3.8.18 */
	{ "8a6cadea533dd782615a0f14a75b5aef248a10d4", 0x34fdc0 }, /* 3.9.18 */
	{ "ece57af647dd10ee274f46d757d62a5eab42c418", 0x370dc0 }, /* 3.10.13 */
	{ "49daf84ed369fe589b73ea876f2591cd4c3588bb", 0x4174e0 }, /* 3.11.7 */
	{ "f9d5c82f5f2c22df68c1d49c944ef3dee5103dcc", 0x4cef20 }, /* 3.12.1 */
	{ "d11d13fb0f82d32f3da1221ffd551ab179afb423", 0x4a0d20 }, /* 3.13.0 */
	{ "754738eb8d1224641f03c1d7765c4571d3919389", 0x2eca80 }, /* 2.7.18, Debian 11 */
	{ "f902f8a561c3abdb9c8d8c859d4243bd8c3f928f", 0x6ddd00 }, /* 3.9.2, Debian 11 */
	{ "7e8d5f6d0cd6cd1e9bff2a775c11d398cecca758", 0x8659a0 }, /* 3.13.5, Debian 13 */
	{ "cccda113240f3ba4c016991793a62dc0cfe01613", 0x9825c0 }, /* 3.14.10, Debian */
	{ "d41ac9e28ff414f10df5da23fb051683a7b4adcf", 0xc12140 }, /* 3.15.2, Debian */
};

/* The compiler's name for the static array, where the file has symbols: opcode_targets.0. 0: none. */
static unsigned long long symbol_of_table(const struct file *file)
{
	unsigned long long address = 0;
	char command[160];
	FILE *f;

	snprintf(command, sizeof(command), "nm %s 2>/dev/null | grep -E ' [dDrR] opcode_targets(\\.[0-9]+)?$'", file->path);
	f = popen(command, "r");
	if (f && fscanf(f, "%llx", &address) != 1)
		address = 0;
	if (f)
		pclose(f);
	return address;
}

static void check_table(struct file *file)
{
	unsigned version = file->binary->wire.python.version;
	struct timespec t0, t1;
	char why[160] = "";
	double ms;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	if (python_opcodes_find(file->elf, version, &file->opcodes, why, sizeof(why))) {
		COMPLAIN(file, "%s", why);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	ms = (t1.tv_sec - t0.tv_sec) * 1e3 + (t1.tv_nsec - t0.tv_nsec) / 1e6;
	print_message("# %-16s table 0x%llx%s, %.1f ms\n", file->interpreter->label,
		      (unsigned long long)file->opcodes.address, file->opcodes.cet ? ", endbr64" : "", ms);
	for (size_t i = 0; i < sizeof(known_tables) / sizeof(known_tables[0]); i++)
		if (!strcmp(known_tables[i].build_id, file->binary->build_id) &&
		    known_tables[i].address != file->opcodes.address)
			COMPLAIN(file, "the table is at 0x%llx", (unsigned long long)known_tables[i].address);
	/* 3.15 has a second array, whose name begins alike. */
	if (symbol_of_table(file) && symbol_of_table(file) != file->opcodes.address)
		COMPLAIN(file, "the table is at 0x%llx", symbol_of_table(file));
	for (unsigned other = PY_VERSION(2, 7); other <= PY_VERSION(3, 16); other++) {
		struct python_opcodes opcodes;

		if (other != version && !python_opcodes_find(file->elf, other, &opcodes, why, sizeof(why)))
			COMPLAIN(file, "has a table of %u.%u too", other >> 8, other & 0xff);
	}
}

/* ---- places ---- */

/* Each instruction that objdump sees from an address to another: its mnemonic to see(). */
static void disassemble(const struct file *file, __u64 from, __u64 to,
			void (*see)(void *ctx, __u64 address, const char *text), void *ctx)
{
	char command[256], line[512];
	FILE *f;

	snprintf(command, sizeof(command), "objdump -d -w --no-show-raw-insn --start-address=0x%llx --stop-address=0x%llx %s",
		 (unsigned long long)from, (unsigned long long)to, file->path);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long address;
		int at = 0;

		if (isspace(line[0]) && sscanf(line, " %llx: %n", &address, &at) == 1 && at)
			see(ctx, address, line + at);
	}
	if (f)
		pclose(f);
}

static bool is_one_of(const char *text, const char *const *words)
{
	size_t n = strcspn(text, " \n");

	for (; *words; words++)
		if (strlen(*words) == n && !strncmp(text, *words, n))
			return true;
	return false;
}

struct run_check {
	__u64 start, site;
	char last[64];	/* what stands at the site */
	bool straight;
};

static void see_run(void *ctx, __u64 address, const char *text)
{
	static const char *const plain[] = { "mov", "movl", "movq", "movb", "movw", "movzwl", "movzbl", "movslq", "movabs", "lea", "test",
		"testb", "testl", "cmp", "cmpl", "cmpb", "cmpq", "cmpw", "sub", "add", "and", "or", "xor", "sar",
		"shl", "shr", "endbr64", "nopl", "nopw", "cltq", "setne", "sete", "movsbl", "not", "neg", NULL };
	struct run_check *check = ctx;

	if (address == check->site)
		snprintf(check->last, sizeof(check->last), "%.*s", (int)strcspn(text, "\n"), text);
	else if (address < check->site && !is_one_of(text, plain))
		check->straight = false;
}

/* A place behind a handler's beginning: straight on from there, at what the kernel emulates. */
static void check_handler_place(struct file *file, const struct runtime_probe *probe, __u64 address)
{
	__u64 start = file->opcodes.handlers[PYTHON_COOKIE_OPCODE(probe->cookie)];
	struct run_check check = { .start = start, .site = address, .straight = true };

	if (start == address)
		return;
	if (address < start || address - start > 200) {
		COMPLAIN(file, "0x%llx is not in its handler", (unsigned long long)address);
		return;
	}
	disassemble(file, start, address + 15, see_run, &check);
	if (!check.straight || (check.last[0] != 'j' && strncmp(check.last, "call ", 5) && strncmp(check.last, "push ", 5)))
		COMPLAIN(file, "opcode %u from 0x%llx: \"%s\" is no place to probe",
			 (unsigned)PYTHON_COOKIE_OPCODE(probe->cookie), (unsigned long long)start, check.last);
}

static void see_ret(void *ctx, __u64 address, const char *text)
{
	struct run_check *check = ctx;

	if (address == check->site)
		check->straight = !strncmp(text, "ret", 3);
}

static void check_return_place(struct file *file, const struct runtime_probe *probe, __u64 address)
{
	static const char *const names[] = { "_PyEval_EvalFrameDefault", "PyEval_EvalFrameEx", "gc_collect_main", "collect",
					     "gc_collect_main.constprop.0",
					     "PyImport_ImportModuleLevelObject", "PyImport_ImportModuleLevel" };
	struct run_check check = { .site = address };
	struct elf_symbol symbol;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!elf_symbol(file->elf, names[i], &symbol) && address - symbol.address < symbol.size)
			disassemble(file, symbol.address, address + 2, see_ret, &check);
	if (!check.straight)
		COMPLAIN(file, "0x%llx is no ret", (unsigned long long)address);
}

static void see_entry(void *ctx, __u64 address, const char *text)
{
	struct run_check *check = ctx;

	if (address == check->site)
		check->straight = !strncmp(text, "push", 4);
	else if (address == check->start && strncmp(text, "endbr64", 7))
		check->start = 0;
}

/* A function's beginning has a symbol; or a push follows the endbr64 there. */
static void check_entry_place(struct file *file, const struct runtime_probe *probe, __u64 address)
{
	static const char *const names[] = { "_PyEval_EvalFrameDefault", "PyEval_EvalFrameEx", "gc_collect_main", "collect",
					     "gc_collect_main.constprop.0", "_PyEval_StopTheWorld",
					     "PyImport_ImportModuleLevelObject", "PyImport_ImportModuleLevel",
					     "_PyEval_FrameClearAndPop", "PyTraceBack_Here" };
	struct run_check check = { .start = address - 4, .site = address };
	struct elf_symbol symbol;
	bool found = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !found; i++) {
		if (elf_symbol(file->elf, names[i], &symbol))
			continue;
		if (symbol.address == address)
			return;
		found = symbol.address == address - 4;
	}
	if (found)
		disassemble(file, address - 4, address + 15, see_entry, &check);
	if (!found || !check.straight || !check.start)
		COMPLAIN(file, "0x%llx is no beginning of a function", (unsigned long long)address);
}

/* What an exit before the ret is, and what follows it: the stack is given back, the registers too. */
struct exit_check {
	__u64 site, target; /* of a jump */
	bool known, ends, strange;
};

static void see_exit(void *ctx, __u64 address, const char *text)
{
	struct exit_check *check = ctx;
	unsigned long long target;

	if (address == check->site && !check->known) {
		check->known = (!strncmp(text, "call", 4) && strstr(text, "<_Py_CheckFunctionResult")) ||
			       !strncmp(text, "xor    %eax,%eax", 16);
		if (sscanf(text, "jmp %llx", &target) == 1)
			check->target = target;
		check->known |= check->target != 0;
	} else if (!check->ends) {
		check->ends = !strncmp(text, "ret", 3);
		check->strange |= !check->ends && strncmp(text, "pop ", 4) && !(strncmp(text, "add ", 4) == 0 && strstr(text, ",%rsp"));
	}
}

/* The eval function's only ret, or an instruction from which it leads there, and there alone. */
static void check_exit_place(struct file *file, const struct runtime_probe *probe, __u64 address)
{
	struct exit_check check = { .site = address };
	struct run_check ret = { .site = address };

	disassemble(file, address, address + 15, see_ret, &ret);
	if (ret.straight) {
		check_return_place(file, probe, address);
		return;
	}
	disassemble(file, address, address + 48, see_exit, &check);
	if (check.target) {
		check.ends = check.strange = false;
		disassemble(file, check.target, check.target + 48, see_exit, &check);
	}
	if (!check.known || !check.ends || check.strange)
		COMPLAIN(file, "0x%llx is no way to the ret", (unsigned long long)address);
}

struct jump_check {
	__u64 address;
	const char *function;
	bool found;
};

static void see_jump(void *ctx, __u64 address, const char *text)
{
	struct jump_check *check = ctx;

	/* "bnd jmp *0x5b2f55(%rip)        # 8aafb8 <pthread_cond_signal@GLIBC_2.3.2>" */
	if (address == check->address)
		check->found = strstr(text, "jmp") && strstr(text, check->function);
}

/* A jump of the linkage table to the function. */
static void check_linkage_place(struct file *file, const struct runtime_probe *probe, __u64 address)
{
	struct jump_check check = { .address = address, .function = probe->site == RUNTIME_SITE_gil_signal ?
				    "<pthread_cond_signal@" : "<pthread_cond_timedwait@" };

	disassemble(file, address, address + 8, see_jump, &check);
	if (!check.found)
		COMPLAIN(file, "0x%llx is no jump to %s", (unsigned long long)address, check.function);
}

static void check_place(void *ctx, const struct runtime_probe *probe)
{
	struct file *file = ctx;
	__u64 address = probe->offset - file->code.offset + file->code.address;

	if (probe->marker)
		return;
	if (probe->offset - file->code.offset >= file->code.size) {
		COMPLAIN(file, "offset 0x%llx is not in the code", (unsigned long long)probe->offset);
		return;
	}
	switch (probe->site) {
	case RUNTIME_SITE_resume: case RUNTIME_SITE_return_value: case RUNTIME_SITE_yield_value:
		check_handler_place(file, probe, address);
		break;
	case RUNTIME_SITE_eval_return:
		check_exit_place(file, probe, address);
		break;
	case RUNTIME_SITE_collect_return: case RUNTIME_SITE_import_return:
		check_return_place(file, probe, address);
		break;
	case RUNTIME_SITE_gil_signal: case RUNTIME_SITE_gil_wait:
		check_linkage_place(file, probe, address);
		break;
	default:
		check_entry_place(file, probe, address);
	}
}

static void check_places(struct file *file)
{
	enum runtime_method used;
	char why[160];

	for (int event = 0; event < RUNTIME_EVENT_COUNT; event++)
		for (int method = RUNTIME_METHOD_AUTO + 1; method < RUNTIME_METHOD_COUNT; method++) {
			int err;

			why[0] = 0;
			err = file->binary->ops->probes(file->binary, file->elf, event, method, check_place, file, &used,
							why, sizeof(why));
			if (err == -ENOTSUP ? !why[0] : err || used != (enum runtime_method)method)
				COMPLAIN(file, "event %d, method %d: %d, \"%s\"", event, method, err, why);
		}
}

static void each_file(void (*check)(struct file *file))
{
	int failures = 0;

	if (!interpreter_count) {
		print_message("# skipped: tests/interpreters lists none\n");
		skip();
	}
	for (int i = 0; i < interpreter_count; i++) {
		struct file file;

		file_open(&interpreters[i], &file);
		check(&file);
		failures += file.failures;
		elf_close(file.elf);
	}
	assert_int_equal(failures, 0);
}

static void finds_the_dispatch_table_and_no_other(void **state)
{
	each_file(check_table);
}

static void check_file_places(struct file *file)
{
	char why[160];

	if (!python_opcodes_find(file->elf, file->binary->wire.python.version, &file->opcodes, why, sizeof(why)))
		check_places(file);
}

static void every_place_is_what_it_is_taken_for(void **state)
{
	if (!have_objdump()) {
		print_message("# skipped: no objdump\n");
		skip();
	}
	each_file(check_file_places);
}

/* Only a free-threaded build has callers of the collector that all call a function of that name, which stops the others. */
static void check_collectors(struct file *file)
{
	struct elf_symbol functions[PYTHON_COLLECTORS], world;
	bool wanted = file->binary->free_threaded && file->binary->wire.python.version <= PY_VERSION(3, 14) &&
		      !elf_is_stripped(file->elf);
	struct python_code code;
	char why[160] = "";
	int count;

	if (file->binary->wire.python.version < PY_VERSION(3, 13) || python_code_read(file->elf, &code))
		return;
	count = python_collectors_find(file->elf, &code, functions, &world, why, sizeof(why));
	if (wanted ? count <= 0 : count != -ENOTSUP || !why[0])
		COMPLAIN(file, "%d collectors: %s", count, why);
	for (int i = 0; i < count; i++)
		if (!python_function_calls(&code, functions[i].address, functions[i].size, world.address) ||
		    python_function_calls(&code, functions[i].address, functions[i].size, functions[i].address))
			COMPLAIN(file, "0x%llx is no collector", (unsigned long long)functions[i].address);
	python_code_deinit(&code);
}

static void collectors_are_all_found_or_none(void **state)
{
	each_file(check_collectors);
}

static void a_file_that_is_no_interpreter_has_no_table(void **state)
{
	static const char *const paths[] = { "/bin/sh", "/usr/bin/gcc", "/usr/bin/perl", "/proc/self/exe" };
	static struct python_opcodes opcodes;
	struct elf *elf;
	char why[160];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0 || elf_open(fd, &elf))
			continue;
		for (unsigned version = PY_VERSION(2, 7); version <= PY_VERSION(3, 15); version++)
			assert_int_equal(python_opcodes_find(elf, version, &opcodes, why, sizeof(why)), -ENOTSUP);
		elf_close(elf);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_is_no_interpreter_has_no_table),
		cmocka_unit_test(finds_the_dispatch_table_and_no_other),
		cmocka_unit_test(every_place_is_what_it_is_taken_for),
		cmocka_unit_test(collectors_are_all_found_or_none),
	};

	interpreter_count = interpreters_list(interpreters);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
