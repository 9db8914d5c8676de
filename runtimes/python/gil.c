// SPDX-License-Identifier: GPL-2.0-only
/* Where the lock of an interpreter is, by what a build tells of it. */
#include "python.h"

/* 3.6: static variables of Python/ceval_gil.h, in the order of python_gil_parts. */
static const char *const parts[PYTHON_GIL_PARTS] = { "gil_cond", "gil_mutex", "switch_cond", "switch_mutex" };

static void find_parts(const struct elf *elf, struct scry_python *python)
{
	struct elf_symbol symbol;

	for (int i = 0; i < PYTHON_GIL_PARTS; i++)
		if (!elf_symbol(elf, parts[i], &symbol))
			python->gil_at[i] = symbol.address;
	if (python->gil_at[0] && python->gil_at[1])
		python->gil_how = PYTHON_GIL_PARTS_APART;
}

/* 2.7: a static variable of Python/ceval.c. */
static void find_lock(const struct elf *elf, struct scry_python *python)
{
	struct elf_symbol symbol;

	if (!elf_symbol(elf, "interpreter_lock", &symbol))
		python->gil_at[0] = symbol.address;
	else if (python_accessor_interpreter_lock(elf, &python->gil_at[0]))
		return;
	python->gil_how = PYTHON_GIL_SEMAPHORE;
}

void python_find_gil(const struct elf *elf, __u64 runtime, struct scry_python *python)
{
	const struct python_layout *l = &python->layout;

	if (l->free_threaded) {
		python->gil_how = PYTHON_GIL_NONE;
	} else if (l->interp_gil) {
		python->gil_how = PYTHON_GIL_OF_THREAD;
	} else if (l->runtime_gil && runtime) {
		python->gil_how = PYTHON_GIL_STATIC;
		python->gil_at[0] = runtime + OFF(l->runtime_gil);
	} else if (python->version == PY_VERSION(3, 6)) {
		find_parts(elf, python);
	} else if (python->version == PY_VERSION(2, 7)) {
		find_lock(elf, python);
	}
}
