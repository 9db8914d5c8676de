// SPDX-License-Identifier: GPL-2.0-only
/* Where the lock of an interpreter is, by what a build tells of it. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../profiler/base/array.h"
#include "../../profiler/base/cleanup.h"
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

#define MAX_LINKAGE (1u << 20) /* bytes of a linkage table, of its relocations */

/* Where the dynamic linker puts the function's address: 0: nowhere. */
static __u64 linkage_slot(const struct elf *elf, const char *function)
{
	struct elf_range range;
	_cleanup_free_ unsigned char *bytes = elf_section_bytes(elf, ".rela.plt", MAX_LINKAGE, &range);

	for (size_t i = 0; bytes && i + 1 <= range.size / sizeof(Elf64_Rela); i++) {
		Elf64_Rela r;
		const char *name;

		memcpy(&r, bytes + i * sizeof(r), sizeof(r));
		name = elf_import(elf, ELF64_R_SYM(r.r_info));
		if (name && !strcmp(name, function))
			return r.r_offset;
	}
	return 0;
}

int python_linkage(const struct elf *elf, const char *function, __u64 *ret)
{
	/* with -fcf-protection the calls go to .plt.sec */
	static const char *const tables[] = { ".plt.sec", ".plt" };
	__u64 slot = elf_machine(elf) == EM_X86_64 ? linkage_slot(elf, function) : 0;

	for (size_t i = 0; slot && i < ARRAY_SIZE(tables); i++) {
		struct elf_range range;
		_cleanup_free_ unsigned char *bytes = elf_section_bytes(elf, tables[i], MAX_LINKAGE, &range);

		for (size_t at = 0; bytes && at + 6 <= range.size; at++) {
			__s32 displacement;

			memcpy(&displacement, bytes + at + 2, sizeof(displacement));
			if (bytes[at] != 0xff || bytes[at + 1] != 0x25 || /* jmp *displacement(%rip) */
			    range.address + at + 6 + (__u64)(__s64)displacement != slot)
				continue;
			*ret = range.address + at - (at && bytes[at - 1] == 0xf2); /* a bnd before it is part of it */
			return 0;
		}
	}
	return -ENOENT;
}
