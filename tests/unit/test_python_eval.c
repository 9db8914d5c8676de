// SPDX-License-Identifier: GPL-2.0-only
/* The parts of the eval function in the files of real interpreters: where the dispatch table's handlers are, which it does not
 * look at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "interpreters.h"
#include "profiler/elf.h"
#include "runtimes/native/extents.h"
#include "runtimes/python/opcodes.h"
#include "runtimes/runtime.h"

#define MAX_PARTS 8

static bool is_in(const struct elf_range *parts, int count, __u64 address)
{
	for (int i = 0; i < count; i++)
		if (address - parts[i].address < parts[i].size)
			return true;
	return false;
}

/* Which functions' beginnings no part may have. */
static const char *const others[] = {
	"PyEval_EvalCode", "_PyEval_Vector", "PyObject_Call", "PyObject_Vectorcall", "_PyObject_Vectorcall", "PyErr_SetString",
	"_PyEval_FrameClearAndPop", "PyObject_GetAttr", "PyNumber_Add", "PyEval_GetFrame", "_PyFunction_Vectorcall",
	"PyEval_SaveThread", "PyEval_RestoreThread", "_PyEval_EvalCodeWithName", "Py_MakePendingCalls", "PyEval_EvalFrameEx",
};

/* Of opcodes that are never executed (CACHE, RESERVED) the handler may be a part to itself: an instruction or two, no call. */
static bool is_unreachable(const struct elf *elf, __u64 handler)
{
	struct extents extents;
	bool small = false;

	assert_int_equal(extents_read(elf, &extents), 0);
	for (size_t i = 0; i < extents.count; i++)
		if (handler - extents.rows[i].start < extents.rows[i].length)
			small = extents.rows[i].length < 10;
	extents_deinit(&extents);
	return small;
}

static int check(const struct interpreter *interpreter)
{
	struct elf_range parts[MAX_PARTS];
	const struct runtime_binary *binary;
	struct python_opcodes opcodes;
	struct target target = { 0 };
	struct scry_exe_key key;
	struct elf_symbol symbol;
	struct scry_exe exe;
	char line[64], why[160] = "";
	int count, failures = 0, fd;
	struct elf *elf;
	__u64 bias;

	if (target_start(interpreter, "import sys\nsys.stdout.write('up\\n')\nsys.stdout.flush()\nsys.stdin.read()\n", &target) ||
	    !fgets(line, sizeof(line), target.out))
		fail_msg("%s does not run", interpreter->label);
	assert_int_equal(runtime_examine(target.pid, &binary, &bias, &key, &exe, why, sizeof(why)), 0);
	fd = runtime_binary_open(binary, target.pid);
	target_stop(&target);
	assert_true(fd >= 0);
	assert_int_equal(elf_open(fd, &elf), 0);
	count = binary->ops->eval(elf, parts, MAX_PARTS);
	if (count < 1) {
		print_error("%s: not found: %d\n", interpreter->label, count);
		failures++;
	}
	assert_int_equal(python_opcodes_find(elf, binary->wire.python.version, &opcodes, why, sizeof(why)), 0);
	for (int i = 0; i < PYTHON_OPCODES; i++)
		if (count > 0 && !is_unreachable(elf, opcodes.handlers[i]) && !is_in(parts, count, opcodes.handlers[i])) {
			print_error("%s: %d parts, handler of opcode %d at %llx is in none\n", interpreter->label, count, i,
				    opcodes.handlers[i]);
			failures++;
			break;
		}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!elf_symbol(elf, others[i], &symbol) && is_in(parts, count, symbol.address) &&
		    symbol.address != parts[0].address) {
			print_error("%s: %s is taken for a part\n", interpreter->label, others[i]);
			failures++;
		}
	elf_close(elf);
	return failures;
}

static void handlers_are_in_the_parts_and_other_functions_are_not(void **state)
{
	static struct interpreter interpreters[MAX_INTERPRETERS];
	int n = interpreters_list(interpreters), failures = 0;

	if (!n)
		skip();
	for (int i = 0; i < n; i++)
		failures += check(&interpreters[i]);
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handlers_are_in_the_parts_and_other_functions_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
